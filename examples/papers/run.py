"""The command line of the programs here: `--seed 2 --epochs 1` in, one line out. Twin of run.js."""
import argparse
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import torch


def program(name, train, **defaults):
    """`train` with the seed set: takes the defaults in the place of options that are not given."""
    defaults["seed"] = 1

    def trained(**given):
        options = SimpleNamespace(**{**defaults, **given})
        torch.set_num_threads(1)
        torch.manual_seed(options.seed)
        return train(options)

    if name == "__main__":
        parser = argparse.ArgumentParser()
        for option, value in defaults.items():
            parser.add_argument(f"--{option}", type=type(value), default=value)
        options = vars(parser.parse_args())
        began = time.process_time()
        numbers = ", ".join(f"{key} {value:.4f}" for key, value in trained(**options).items())
        seconds = time.process_time() - began
        print(f"{Path(sys.argv[0]).stem}: {numbers}, {seconds:.1f} s of CPU time")
    return trained
