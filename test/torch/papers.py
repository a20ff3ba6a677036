"""Runs the twins of examples/papers for papers.test.ts: [[name, options], …] → the results, as JSON."""
import importlib
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples/papers"))
runs = json.loads(sys.argv[1])
print(json.dumps([importlib.import_module(name).train(**options) for name, options in runs]))
