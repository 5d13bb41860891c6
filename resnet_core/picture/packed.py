"""A scene as plain lists for a browser: what equal blocks share is written once."""

from __future__ import annotations

from .scene import Card


def packed(scene: Card) -> dict:
    """JSON-safe: `pieces` [svg, height], `states` [[needs, piece], ...], `edges` [room, svg].

    `card` is [states, above, path, number, below, children], the first, second and fifth of them
    places in those lists; a card that holds no cards ends after its number.
    """
    lists: dict[str, list] = {"pieces": [], "states": [], "edges": []}
    places: dict[str, dict] = {name: {} for name in lists}

    def place(name: str, key: object, make) -> int:
        """Where it stands in the list, after putting it there."""
        if key not in places[name]:
            value = make()
            places[name][key] = len(lists[name])
            lists[name].append(value)
        return places[name][key]

    def of_states(states) -> int:
        def make():
            pieces = [(s.needs, s.piece) for s in states]
            return [
                [needs, place("pieces", piece, lambda piece=piece: [piece.svg, piece.height])]
                for needs, piece in pieces
            ]

        return place("states", states, make)

    def of_edge(edge) -> int:
        return place("edges", edge, lambda: [edge.room, edge.svg])

    def of_card(card: Card) -> list:
        plain = [of_states(card.states), of_edge(card.above), card.path, card.number]
        if not card.children:
            return plain
        return [*plain, of_edge(card.below), [of_card(child) for child in card.children]]

    return {"card": of_card(scene), **lists}
