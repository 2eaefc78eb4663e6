#include "models/methods/ood/penalised_task.h"

#include "engine/ops/elementwise.h"

namespace engram {

PenalisedTask::PenalisedTask(const char* method, const PenaltyOptions& options, const OodSetup& setup)
    : OodTask(setup, {"risk", "penalty"}), options_(options) {
  check_penalty(method, options.weight.after, options.weight.anneal);
  check_penalty(method, options.weight.before, 0);
}

void PenalisedTask::stage_method(dim_t step) {
  now_ = options_.weight.at(step);
  if (options_.reset && step == options_.weight.anneal) reset_optimizer();
}

void PenalisedTask::descend_penalised(const Tensor& risk, const Tensor& penalty, const std::vector<Tensor>& logits,
                                      const EnvironmentBatch& batch) {
  const Tensor loss = descend(risk + float(now_) * penalty, options_.divide && now_ > 1 ? 1 / now_ : 1);
  record(loss, {risk, penalty}, logits, batch);
}

}  // namespace engram
