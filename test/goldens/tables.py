"""Real tables that scikit-learn (Debian's python3-sklearn, 1.2) ships, as float32: what the other tests read."""
import numpy
from sklearn import datasets

from common import write

NAMES = ("iris", "wine", "breast_cancer", "diabetes")


def table(name):
    options = {"scaled": False} if name == "diabetes" else {}
    return getattr(datasets, f"load_{name}")(**options).data.astype(numpy.float32)


if __name__ == "__main__":
    write(__file__, [{"name": name, "x": table(name)} for name in NAMES])
