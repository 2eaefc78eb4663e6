#pragma once
/// A growing set of images on a device, as bytes, from which a student is taught (docs/methods/data_free.md, "Pools").

#include "engine/ops/image_batch.h"
#include "engine/random.h"
#include "models/data/dataset.h"
#include "models/training/state_visitor.h"

namespace engram {

/// Images are kept as a PNG file would: 255 x truncated.
class ImagePool {
 public:
  /// Room for `capacity` images of a shape. Batches of `batch_size` become network input by `normalization`. Throws
  /// UsageError unless both numbers are at least 1.
  ImagePool(dim_t capacity, dim_t batch_size, const ImageShape& shape, const Normalization& normalization,
            std::uint64_t seed, const Device& device);

  /// Queues the bytes of images [N,C,H,W] in [0,1] after those that are there. Throws UsageError when they do not fit.
  void add(const Tensor& images);
  dim_t count() const { return count_; }
  /// u8 [capacity,C,H,W]; the first count() hold.
  const Tensor& bytes() const { return stored_.images; }

  /// Draws the next batch: all images once in random order, and again, each moved by up to `padding` pixels (black
  /// beyond the border) and, where padding is above 0, perhaps flipped. Adding images begins a new walk. Throws
  /// UsageError for an empty pool.
  void stage(int padding);
  /// The batch [B,C,H,W]. Queues only.
  Tensor gather() const;

  void visit_state(const std::string& name, StateVisitor& visitor);

 private:
  StoredImages stored_;
  Tensor values_;   // [C,256]
  Tensor sources_;  // i32 [B,4]
  Generator draws_;
  dim_t count_ = 0;
  std::vector<std::int64_t> order_;  // what is left of the walk, the next image last
};

}  // namespace engram
