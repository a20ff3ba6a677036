"""scikit-learn's PCA on the tables of tables.py, and ZCA composed of it in float64. Signs by the largest
entry of each component, as scikit-learn takes them from 1.5 on."""
import numpy
from sklearn.decomposition import PCA

from common import write
from tables import NAMES, table

ROWS = 25  # every 25th row of what comes out is kept
SHARE = 0.95

cases = []
for name in NAMES:
    x = table(name).astype(float)
    case = {"name": name, "every": ROWS, "share": SHARE}
    pca = PCA(svd_solver="full").fit(x)
    signs = numpy.sign(numpy.take_along_axis(
        pca.components_, numpy.abs(pca.components_).argmax(1)[:, None], 1))
    y = pca.transform(x) * signs[:, 0]
    case.update({
        "components": pca.components_ * signs, "variance": pca.explained_variance_,
        "ratio": pca.explained_variance_ratio_, "mean": pca.mean_, "y": y[::ROWS],
        "white": (y / numpy.sqrt(pca.explained_variance_))[::ROWS],
        "kept": int(PCA(SHARE, svd_solver="full").fit(x).n_components_),
    })
    few = PCA(2, svd_solver="full").fit(x)
    case["rebuilt"] = few.inverse_transform(few.transform(x))[::ROWS]
    v, variance = pca.components_, pca.explained_variance_
    for key, eps in (("zca", 0.0), ("smooth", 0.01)):
        w = v.T @ numpy.diag(1 / numpy.sqrt(variance + eps)) @ v
        case[key] = {"eps": eps, "matrix": w, "y": ((x - pca.mean_) @ w)[::ROWS]}
    cases.append(case)
write(__file__, cases)
