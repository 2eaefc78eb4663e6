#include "models/data/evenly_spread.h"

namespace engram {

ImageDataset evenly_spread(const ImageDataset& data, dim_t limit) {
  if (limit <= 0 || limit >= data.count) return data;
  std::vector<dim_t> indices;
  for (dim_t i = 0; i < limit; ++i) indices.push_back(i * data.count / limit);
  return select(data, indices);
}

}  // namespace engram
