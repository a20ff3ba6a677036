/**
 * The export list of convolutions and maxima of volumes. In the package they are a module of their own, which only
 * bundles with Conv3d or MaxPool3d have.
 */

export { foldDepth, unfoldDepth } from './conv3d/unfold';
export { maxPoolDepthForward } from './pool/maxpooldepth';
