#include "models/methods/data_free/memory_bank.h"

#include "engine/device_memory.h"
#include "engine/ops/indexed_rows.h"

namespace engram {

MemoryBank::MemoryBank(dim_t most_rows, dim_t values, const Device& device) {
  if (most_rows < 1 || values < 1)
    throw UsageError(message("[memory_bank] expected at least one row and value, got ", most_rows, " and ", values));
  rows_ = Tensor::zeros({most_rows, values}, device);
}

void MemoryBank::add(const Tensor& rows) {
  const dim_t most = rows_.dim(0), values = rows_.dim(1);
  if (rows.rank() != 2 || rows.dim(1) != values)
    throw ShapeError(message("[memory_bank] expected rows [N,", values, "], got ", rows.describe()));
  if (rows.dim(0) < 1 || most % rows.dim(0) != 0)
    throw UsageError(message("[memory_bank] expected a number of rows that divides ", most, ", got ", rows.dim(0)));
  const Tensor dense = rows.detach().contiguous();
  copy_on_device(rows_.device(), rows_.data<float>() + pointer_ * values, dense.data<float>(),
                 std::size_t(dense.numel()) * sizeof(float));
  rows_.bump_version();
  pointer_ = (pointer_ + rows.dim(0)) % most;
  added_ += rows.dim(0);
}

Tensor MemoryBank::select(const Tensor& index) const {
  return select_known(rows_, 0, index);
}

dim_t MemoryBank::num_rows(bool as_released) const {
  const dim_t most = rows_.dim(0);
  const bool full = as_released ? added_ > most : added_ >= most;
  return full ? most : pointer_;
}

void MemoryBank::visit_state(const std::string& name, StateVisitor& visitor) {
  visitor.visit(name + ".rows", rows_);
  std::vector<std::int64_t> counts = {pointer_, added_};
  visitor.visit(name + ".counts", counts);
  if (!visitor.restores()) return;
  if (counts.size() != 2 || counts[0] < 0 || counts[0] >= rows_.dim(0) || counts[1] < counts[0])
    throw DataError(message("[resume] expected pointer and number of rows in '", name, "', got other numbers"));
  pointer_ = counts[0];
  added_ = counts[1];
}

}  // namespace engram
