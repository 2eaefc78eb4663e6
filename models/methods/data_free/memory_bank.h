#pragma once
/// Features of earlier rounds that CMI contrasts with (docs/methods/data_free.md, "CMI").

#include <string>

#include "models/training/state_visitor.h"

namespace engram {

/// A ring of rows on a device.
class MemoryBank {
 public:
  /// Throws UsageError unless both are at least 1.
  MemoryBank(dim_t most_rows, dim_t values, const Device& device);

  /// Writes rows [N,values] at the pointer, which moves on by N. Queues only. Throws UsageError unless N divides the
  /// ring's size.
  void add(const Tensor& rows);
  /// Rows `index` (i32 [K], below the ring's size: nobody looks) -> [K,values]. Queues only.
  Tensor select(const Tensor& index) const;

  /// Rows that have been written and may be drawn. The released code compares with > where >= is meant: right after
  /// exactly `most_rows` rows were added it finds none, and the loss of that round is the mean over no rows;
  /// `as_released` does the same.
  dim_t num_rows(bool as_released = false) const;
  dim_t pointer() const { return pointer_; }
  dim_t num_added() const { return added_; }
  const Tensor& rows() const { return rows_; }

  void visit_state(const std::string& name, StateVisitor& visitor);

 private:
  Tensor rows_;  // [most_rows, values]
  dim_t pointer_ = 0, added_ = 0;
};

}  // namespace engram
