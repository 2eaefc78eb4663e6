#include "apps/common/nearest_sheet.h"

#include <algorithm>

#include "engine/io/image_grid.h"
#include "models/methods/metrics/nearest.h"

namespace engram::apps {
namespace {

constexpr dim_t kNeighbors = 5;
constexpr dim_t kPadding = 3, kZoom = 2;

void append(std::vector<std::uint8_t>& pixels, const ImageDataset& set, dim_t index) {
  pixels.insert(pixels.end(), set.image(index), set.image(index) + set.image_bytes());
}

}  // namespace

io::Image nearest_sheet(const ImageDataset& made, const FeatureMatrix& made_features, const ImageDataset& real,
                        const FeatureMatrix& real_features, dim_t count, const Device& device) {
  const dim_t shown = std::min(kNeighbors, real_features.rows);
  FeatureMatrix chosen{0, made_features.columns, {}};
  std::vector<dim_t> rows;
  for (dim_t i = 0; i < count; ++i, ++chosen.rows) {
    rows.push_back(i * made_features.rows / count);
    const auto* features = made_features.row(rows.back());
    chosen.values.insert(chosen.values.end(), features, features + made_features.columns);
  }
  std::vector<std::uint8_t> pixels;
  const auto neighbors = nearest_neighbors(chosen, real_features, shown, device);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    append(pixels, made, rows[i]);
    for (const Neighbor& neighbor : neighbors[i]) append(pixels, real, neighbor.index);
  }
  return io::image_grid(pixels, count * (1 + shown), made.channels, made.height, made.width,
                        {.columns = 1 + shown, .padding = kPadding, .zoom = kZoom});
}

}  // namespace engram::apps
