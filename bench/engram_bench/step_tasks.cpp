#include "bench/engram_bench/step_tasks.h"

#include <algorithm>

#include "bench/step/product_steps.h"
#include "kernels/common/error.h"
#include "models/suggest.h"
#include "tests/support/training_tasks.h"

namespace engram::bench {
namespace {

/// A registered task with its runner; its steps come round.
class SmallSteps {
 public:
  SmallSteps(const std::string& name, const StepSettings& settings)
      : kind_(testing::task_kind(name)), task_(kind_.make(settings.device)), runner_(*task_.task, settings.graph) {}
  void run() { runner_.run(next_++ % kind_.steps); }

 private:
  const testing::TaskKind& kind_;
  testing::OwnedTask task_;
  StepRunner runner_;
  dim_t next_ = 0;
};

template <class Steps, class... Arguments>
std::function<void()> steps(const Arguments&... arguments) {
  return [made = std::make_shared<Steps>(arguments...)] { made->run(); };
}

std::string or_else(const std::string& arch, const char* usual) {
  return arch.empty() ? usual : arch;
}

}  // namespace

std::vector<std::string> step_names() {
  std::vector<std::string> names = {"train", "inversion"};
  for (const testing::TaskKind& kind : testing::task_kinds()) names.push_back(kind.name);
  return names;
}

std::function<void()> make_step(const std::string& name, const StepSettings& s) {
  if (name == "train") return steps<TrainingSteps>(or_else(s.arch, "resnet20"), s.batch, s.device, s.graph);
  if (name == "inversion") return steps<InversionSteps>(or_else(s.arch, "resnet34"), s.batch, s.device, s.graph);
  const std::vector<std::string> names = step_names();
  if (std::ranges::find(names, name) == names.end())
    throw UsageError(message("[step] expected a task, got '", name, "'", did_you_mean(name, names)));
  if (!s.arch.empty()) throw UsageError(message("[step] expected --arch with train and inversion only, got ", name));
  return steps<SmallSteps>(name, s);
}

}  // namespace engram::bench
