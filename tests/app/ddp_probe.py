"""Run by test_ddp.py in processes of its own: the application, keeping a record of what each process does."""

import json
import os
import sys
from pathlib import Path

from lightning_app.__main__ import main
from lightning_app.data import choose
from lightning_app.data.batches import Pictures
from lightning_app.model import Classifier

rank = int(os.environ.get("LOCAL_RANK", "0"))
record = {"prepared": 0, "seen": [], "weights": []}
prepare, get, end = choose.prepare, Pictures.__getitem__, Classifier.on_train_epoch_end


def counted(name, root):
    record["prepared"] += 1
    prepare(name, root)


def noted(self, pick):
    record["seen"].append([len(self), pick.index.tolist()])
    return get(self, pick)


def weighed(self):
    record["weights"].append([float(p.detach().double().sum()) for p in self.net.parameters()])
    end(self)


choose.prepare, Pictures.__getitem__, Classifier.on_train_epoch_end = counted, noted, weighed
code = main(sys.argv[1:])
Path(f"rank{rank}.json").write_text(json.dumps(record))
sys.exit(code)
