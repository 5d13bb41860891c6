"""Training runs: from a click on Run to the last record, and back to the page.

Pages know engine.py, the interface, and what it gives: run.py, ends.py. Behind it, on this machine:

app         embedded.py opens the store, and has supervision.py start one supervisor per folder.
            Run: request.py, admission.py and queueing.py make a row of it. An app writes rows and
            wishes (pause, stop, another rate); reading.py, rows.py, places.py show what there is.
supervisor  supervisor.py gives a row to a parked owner when its turn comes (fair.py), and ends
            the run of an owner that died. Nothing trains in it, and no run needs it.
owner       owner_process.py waits, then owner.py minds one run: crew.py its trainers, barrier.py
            their pauses, budget.py its time. ledger.py makes batches of frames, writer.py stores
            them: nobody else writes curves. The run's attempt number locks out a former owner.
trainer     trainer.py obeys: device.py, calibrate.py, loop.py, measure.py. A process for each net
            on a CPU, one for both on a GPU. Only they train; they write to their owner (wire.py).

The store is one SQLite file: store.py on queueing.py on database.py; schema.py has the tables,
database_file.py opens and updates them, database_errors.py has the words. All processes share
limits.py, locks.py, logs.py and processes.py.
Recordings need none of this: recordings.py and opened.py play what recording_file.py reads by
recording_head.py and recording_arrays.py into recording.py; with_recordings.py joins both worlds.

Another engine, on many machines say: a class with the functions of engine.Engine, a row in ENGINES
of tests/test_contract.py, and its name in explorer/cached.py in place of Embedded.
"""
