"""scikit-learn's StandardScaler and MinMaxScaler on the tables of tables.py, whole and over a stream."""
import numpy
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from common import write
from tables import NAMES, table

BATCH = 40
ROWS = 25  # every 25th row of what comes out is kept


def missing(x):
    """Every 7th number from the third on is lost."""
    x = x.copy()
    x.reshape(-1)[3::7] = numpy.nan
    return x


def constant(x):
    """The second column is all 0.1 (which no sum of it gives back), the third far from 0."""
    x = x.copy()
    x[:, 1] = 0.1
    x[:, 2] += 1e8
    return x


cases = []
for name in NAMES:
    for change in (None, missing, constant):
        x = table(name).astype(float)
        if change:
            x = change(x)
        case = {"name": name, "change": change.__name__ if change else None, "batch": BATCH, "every": ROWS}
        standard = StandardScaler().fit(x)
        streamed = StandardScaler()
        for at in range(0, len(x), BATCH):
            streamed.partial_fit(x[at:at + BATCH])
        count = numpy.broadcast_to(standard.n_samples_seen_, x.shape[1:]).astype(float)
        case["standard"] = {
            "count": count, "mean": standard.mean_, "variance": standard.var_,
            "scale": standard.scale_, "y": standard.transform(x)[::ROWS],
        }
        numpy.testing.assert_allclose(streamed.mean_, standard.mean_, rtol=1e-12)
        scaler = MinMaxScaler((-1, 2), clip=True).fit(x)
        case["minmax"] = {
            "dataMin": scaler.data_min_, "dataMax": scaler.data_max_, "scale": scaler.scale_,
            "y": scaler.transform(x + scaler.data_range_ / 10)[::ROWS],
        }
        cases.append(case)
write(__file__, cases)
