#include "models/training/meters.h"

#include <cmath>

#include "engine/autograd.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "models/init.h"

namespace engram {

Meters::Meters(std::vector<MeterSpec> specs, const Device& device) : specs_(std::move(specs)), totals_(specs_.size()) {
  const NoGradGuard no_grad;
  const dim_t count = dim_t(specs_.size());
  board_ = Tensor::zeros({2, count}, device);
  last_ = reshape(slice(board_, 0, 0, 1), {count});
  sums_ = reshape(slice(board_, 0, 1, 2), {count});
  for (dim_t i = 0; i < count; ++i) slots_.push_back(slice(last_, 0, i, i + 1));
}

void Meters::record(const std::vector<Tensor>& scalars) {
  if (scalars.size() != specs_.size())
    throw UsageError(message("[meters] expected ", specs_.size(), " scalars, got ", scalars.size()));
  const NoGradGuard no_grad;
  for (std::size_t i = 0; i < scalars.size(); ++i) copy_into(slots_[i], scalars[i].detach());
  add_in_place(sums_, last_);
}

std::vector<float> Meters::fetch(dim_t step) const {
  std::vector<float> board = board_.to_vector();
  for (std::size_t i = 0; i < board.size(); ++i)
    if (!std::isfinite(board[i]))
      throw DataError(message("expected a finite ", specs_[i % specs_.size()].name, ", got ", board[i], " by step ",
                              step, "; hint: a lower learning rate"));
  return board;
}

MeterValues Meters::scaled(const std::vector<float>& board) const {
  MeterValues values;
  for (std::size_t i = 0; i < specs_.size(); ++i)
    values.push_back({specs_[i].name, double(board[i]) * specs_[i].scale});
  return values;
}

MeterValues Meters::read(dim_t step) const {
  return specs_.empty() ? MeterValues{} : scaled(fetch(step));
}

MeterValues Meters::collect(dim_t step) {
  if (specs_.empty()) return {};
  const std::vector<float> board = fetch(step);
  for (std::size_t i = 0; i < specs_.size(); ++i) totals_[i] += double(board[specs_.size() + i]);
  const NoGradGuard no_grad;
  copy_into(sums_, Tensor::zeros(sums_.shape(), sums_.device()));
  return scaled(board);
}

MeterValues Meters::means() const {
  MeterValues values;
  for (std::size_t i = 0; i < specs_.size(); ++i)
    values.push_back({specs_[i].name, steps_ > 0 ? totals_[i] * specs_[i].scale / double(steps_) : 0});
  return values;
}

void Meters::restart() {
  totals_.assign(specs_.size(), 0);
  steps_ = 0;
}

void Meters::visit_state(const std::string& name, StateVisitor& visitor) {
  if (specs_.empty()) return;
  visitor.visit(name + ".board", board_);
  visitor.visit(name + ".totals", totals_);
  std::vector<std::int64_t> steps = {steps_};
  visitor.visit(name + ".steps", steps);
  if (!visitor.restores()) return;
  if (totals_.size() != specs_.size() || steps.size() != 1 || steps[0] < 0)
    throw DataError(message("[resume] expected the sums of ", specs_.size(), " meters, got those of ", totals_.size()));
  steps_ = steps[0];
}

}  // namespace engram
