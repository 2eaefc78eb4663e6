#include "models/methods/ood/jigsaw.h"

#include <algorithm>
#include <numeric>

#include "engine/ops.h"

namespace engram {
namespace {

constexpr int kMostEnumerated = 7;  // tiles: 5040 permutations
constexpr int kDrawn = 10000;

std::vector<Permutation> candidates(int tiles, std::uint64_t seed) {
  std::vector<Permutation> result;
  if (tiles > kMostEnumerated) {
    Generator draws(seed);
    for (int i = 0; i < kDrawn; ++i) result.push_back(draws.permutation(tiles));
    return result;
  }
  Permutation next(std::size_t(tiles), 0);
  std::iota(next.begin(), next.end(), 0);
  do result.push_back(next);
  while (std::next_permutation(next.begin(), next.end()));
  return result;
}

int hamming(const Permutation& a, const Permutation& b) {
  int differences = 0;
  for (std::size_t i = 0; i < a.size(); ++i) differences += a[i] != b[i];
  return differences;
}

}  // namespace

std::vector<Permutation> distant_permutations(int tiles, int count, std::uint64_t seed) {
  const std::vector<Permutation> all = candidates(tiles, seed);
  Permutation last(std::size_t(tiles), 0);
  std::iota(last.begin(), last.end(), 0);
  std::vector<int> nearest(all.size(), tiles + 1);
  std::vector<Permutation> chosen;
  while (int(chosen.size()) < count) {
    for (std::size_t i = 0; i < all.size(); ++i) nearest[i] = std::min(nearest[i], hamming(all[i], last));
    const auto best = std::max_element(nearest.begin(), nearest.end());
    if (*best == 0)
      throw UsageError(
          message("[jigen] expected at most ", chosen.size(), " permutations of ", tiles, " tiles, got ", count));
    last = all[std::size_t(best - nearest.begin())];
    chosen.push_back(last);
  }
  return chosen;
}

std::vector<float> tile_matrices(const std::vector<Permutation>& permutations,
                                 const std::vector<std::int32_t>& orders) {
  const std::size_t tiles = permutations.at(0).size();
  std::vector<float> values(orders.size() * tiles * tiles, 0);
  for (std::size_t n = 0; n < orders.size(); ++n)
    for (std::size_t t = 0; t < tiles; ++t) {
      const std::size_t from = orders[n] == 0 ? t : std::size_t(permutations.at(std::size_t(orders[n] - 1))[t]);
      values[(n * tiles + t) * tiles + from] = 1;
    }
  return values;
}

Tensor shuffle_tiles(const Tensor& images, const Tensor& matrices, dim_t grid) {
  const dim_t n = images.dim(0), c = images.dim(1), h = images.dim(2) / grid, w = images.dim(3) / grid;
  if (h * grid != images.dim(2) || w * grid != images.dim(3))
    throw ShapeError(
        message("[jigen] expected images whose sides are multiples of ", grid, ", got ", images.describe()));
  const Tensor cut = permute(reshape(images.contiguous(), {n, c, grid, h, grid, w}), {0, 2, 4, 1, 3, 5}).contiguous();
  const Tensor moved = batched_matmul(matrices, reshape(cut, {n, grid * grid, c * h * w}));
  const Tensor joined = permute(reshape(moved, {n, grid, grid, c, h, w}), {0, 3, 1, 4, 2, 5}).contiguous();
  return reshape(joined, images.shape());
}

}  // namespace engram
