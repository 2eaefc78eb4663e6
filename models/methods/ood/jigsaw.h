#pragma once
/// Images cut into tiles that are put together in another order (Carlucci et al. 2019, JiGen).

#include <vector>

#include "engine/random.h"

namespace engram {

using Permutation = std::vector<std::int32_t>;

/// `count` permutations of `tiles` things that differ from each other and from the identity as much as can be: each has
/// the largest smallest Hamming distance from those before, the first of equals among `tiles`! or, for more than 7
/// tiles, 10000 drawn from `seed`. Throws UsageError where there are not so many.
std::vector<Permutation> distant_permutations(int tiles, int count, std::uint64_t seed);

/// The values [N,tiles,tiles] of the matrices that shuffle the tiles of N images: image n by permutation orders[n] - 1,
/// or not at all where orders[n] is 0.
std::vector<float> tile_matrices(const std::vector<Permutation>& permutations, const std::vector<std::int32_t>& orders);

/// Output tile t of image n [N,C,H,W] is its tile permutation[t], tiles counted by rows of a grid x grid. `matrices`
/// [N,grid^2,grid^2] as tile_matrices. Throws ShapeError unless grid divides H and W.
Tensor shuffle_tiles(const Tensor& images, const Tensor& matrices, dim_t grid);

/// The order of an image: `proposed`, but 0 (whole) where `uniform` is below `whole`.
inline std::int32_t drawn_order(std::int32_t proposed, double uniform, double whole) {
  return uniform < whole ? 0 : proposed;
}

}  // namespace engram
