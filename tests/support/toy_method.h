#pragma once
/// A method as short as one can be: two networks with their optimisers, a loss of its own, a phase switch, a memory
/// bank and noise drawn in every step.

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/training/optimizer.h"
#include "models/training/staged.h"
#include "models/training/task.h"

namespace engram::testing {

/// A learner follows a maker's running mean; every third step the maker moves away from it.
class ToyMethod : public TrainingTask {
 public:
  explicit ToyMethod(const Device& device) : device_(device) {
    maker_.to(device);
    learner_.to(device);
    maker_.initialize(1);
    learner_.initialize(2);
    meters_ = Meters({{"loss/gap"}}, device);
  }
  Device device() const override { return device_; }
  int phase(dim_t step) const override { return step % 3 == 2 ? 1 : 0; }
  void stage(dim_t step) override {
    maker_moves_ = phase(step) == 1;
    rate_.stage(step);
  }
  void issue() override {
    const Tensor made = tanh(maker_.forward(normal({6, 4}, noise_, 0, 1, device_)));
    const Tensor gap = mse(tanh(learner_.forward(made)), bank_);
    meters_.record({gap});
    if (maker_moves_)
      maker_optimizer_.step(grad({neg(gap)}, maker_.parameters()), rate_.tensor());
    else
      learner_optimizer_.step(grad({gap}, learner_.parameters()), rate_.tensor());
    copy_into(bank_, 0.75f * bank_ + 0.25f * made.detach());
  }

 protected:
  void visit_parts(StateVisitor& visitor) override {
    visitor.visit("maker", maker_);
    visitor.visit("learner", learner_);
    visitor.visit("maker_optimizer", maker_optimizer_);
    visitor.visit("learner_optimizer", learner_optimizer_);
    visitor.visit("bank", bank_);
    visitor.visit("noise", noise_);
  }

 private:
  Device device_;
  Linear maker_{4, 3, {}}, learner_{3, 3, {}};
  Optimizer maker_optimizer_{maker_.named_parameters(), adam_options()};
  Optimizer learner_optimizer_{learner_.named_parameters(), {.weight_decay = 1e-3f}};
  StagedRate rate_{{.kind = ScheduleKind::kCosine, .base_lr = 0.1, .total_steps = 60}, device_};
  Tensor bank_ = Tensor::zeros({6, 3}, device_);
  Generator noise_{5};
  bool maker_moves_ = false;
};

}  // namespace engram::testing
