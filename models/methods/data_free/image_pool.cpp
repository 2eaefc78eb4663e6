#include "models/methods/data_free/image_pool.h"

#include "engine/device_memory.h"
#include "engine/ops.h"
#include "kernels/image_batch/image_batch.h"
#include "models/training/staged.h"

namespace engram {
namespace {

Tensor value_table(const Normalization& n, const Device& device) {
  std::vector<float> table;
  for (std::size_t c = 0; c < n.mean.size(); ++c)
    for (int v = 0; v < 256; ++v) table.push_back(float((v / 255.0 - double(n.mean[c])) / double(n.std[c])));
  return Tensor::from(table, {dim_t(n.mean.size()), 256}, device);
}

}  // namespace

ImagePool::ImagePool(dim_t capacity, dim_t batch_size, const ImageShape& shape, const Normalization& normalization,
                     std::uint64_t seed, const Device& device)
    : values_(value_table(normalization, device)), draws_(seed) {
  if (capacity < 1 || batch_size < 1)
    throw UsageError(message("[pool] expected room for at least one image and batches of at least one, got ", capacity,
                             " and ", batch_size));
  const Shape extents = {capacity, shape.channels, shape.height, shape.width};
  stored_.images = Tensor::from(std::vector<std::uint8_t>(std::size_t(numel(extents)), 0), extents, device);
  sources_ = Tensor::from(std::vector<std::int32_t>(std::size_t(4 * batch_size), 0), {batch_size, 4}, device);
}

void ImagePool::add(const Tensor& images) {
  const dim_t image = stored_.images.numel() / stored_.images.dim(0);
  if (images.rank() != 4 || images.numel() != images.dim(0) * image)
    throw ShapeError(message("[pool] expected images of ", image, " values, got ", images.describe()));
  if (count_ + images.dim(0) > stored_.images.dim(0))
    throw UsageError(
        message("[pool] expected at most ", stored_.images.dim(0) - count_, " more images, got ", images.dim(0)));
  const Tensor bytes = convert(255.f * clamp(images.detach().contiguous(), 0, 1), DType::kU8);
  copy_on_device(bytes.device(), stored_.images.data<std::uint8_t>() + count_ * image, bytes.data<std::uint8_t>(),
                 std::size_t(bytes.numel()));
  stored_.images.bump_version();
  count_ += images.dim(0);
  order_.clear();
}

void ImagePool::stage(int padding) {
  if (count_ == 0) throw UsageError("[pool] expected images, got an empty pool");
  std::vector<std::int32_t> words;
  for (dim_t i = 0; i < sources_.dim(0); ++i) {
    if (order_.empty()) {
      const std::vector<std::int32_t> walk = draws_.permutation(count_);
      order_.assign(walk.begin(), walk.end());
    }
    kernels::ImageSource source;
    source.index = std::int32_t(order_.back());
    order_.pop_back();
    if (padding > 0) {
      source.dy = draws_.integer(-padding, padding + 1);
      source.dx = draws_.integer(-padding, padding + 1);
      source.flip = draws_.integer(0, 2);
    }
    words.insert(words.end(), {source.index, source.dy, source.dx, source.flip});
  }
  stage_values(sources_, words);
}

Tensor ImagePool::gather() const {
  return gather_images(stored_, {.sources = sources_, .holes = {}}, values_).images;
}

void ImagePool::visit_state(const std::string& name, StateVisitor& visitor) {
  visitor.visit(name + ".bytes", stored_.images);
  visitor.visit(name + ".draws", draws_);
  visitor.visit(name + ".order", order_);
  std::vector<std::int64_t> count = {count_};
  visitor.visit(name + ".count", count);
  if (!visitor.restores()) return;
  if (count.size() != 1 || count[0] < 0 || count[0] > stored_.images.dim(0))
    throw DataError(message("[resume] expected the number of images in '", name, "', got another list"));
  count_ = count[0];
  for (const std::int64_t index : order_)
    if (index < 0 || index >= count_)
      throw DataError(message("[resume] expected images of the pool in '", name, "', got number ", index));
}

}  // namespace engram
