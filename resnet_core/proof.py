"""The proof that a net and its twin are the same but for the shortcuts. It needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

#: in a fingerprint: between what was drawn and what the init made of it (zero-init, Fixup)
SET_BY_INIT = " set to "


@dataclass(frozen=True)
class Proof:
    """What two nets share, compared tensor by tensor at step 0 and batch by batch since then."""

    tensors_shared: int = 0  # that both nets have
    tensors_identical: int = 0  # of these, bit for bit the same before step 0
    set_by_init: int = 0  # of these, drawn alike, then set in the residual net by its init
    only_0: tuple[str, ...] = ()  # names of tensors that the net alone has
    only_1: tuple[str, ...] = ()  # and its twin alone
    batches_compared: int = 0  # steps that both nets have done
    batches_identical: int = 0  # of these, with bit for bit the same examples

    @property
    def holds(self) -> bool:
        return (
            self.tensors_shared == self.tensors_identical + self.set_by_init > 0
            and self.batches_compared == self.batches_identical
        )

    @property
    def sentence(self) -> str:
        start = (
            f"{self.tensors_identical} of {self.tensors_shared} shared tensors identical at step 0"
        )
        if self.set_by_init:
            start += f", {self.set_by_init} drawn alike and then set by the residual net's init"
        extra = self.only_0 + self.only_1
        if not extra:
            return f"{start}; the shortcuts add no parameters."
        if self.only_0 and self.only_1:
            return (
                f"{start}; {len(self.only_0)} are only in the net, {len(self.only_1)} in its twin."
            )
        if all({"shortcut", "add"} & set(name.split(".")) for name in extra):
            what = "gates" if any("add" in name.split(".") for name in extra) else "projections"
            return f"{start}; the residual net has {len(extra)} more: {what}."
        return f"{start}; one has {len(extra)} more: {', '.join(extra)}."


def compare(prints_0: dict[str, str], prints_1: dict[str, str]) -> Proof:
    """The fingerprints of a net and of its twin -> what is shared and what is not."""
    shared = [name for name in prints_0 if name in prints_1]
    apart = [name for name in shared if prints_0[name] != prints_1[name]]
    drawn = ((prints_0[name], prints_1[name]) for name in apart)
    alike = sum(a.partition(SET_BY_INIT)[0] == b.partition(SET_BY_INIT)[0] for a, b in drawn)
    return Proof(
        tensors_shared=len(shared),
        tensors_identical=sum(prints_0[name] == prints_1[name] for name in shared),
        set_by_init=alike,
        only_0=tuple(name for name in prints_0 if name not in prints_1),
        only_1=tuple(name for name in prints_1 if name not in prints_0),
    )
