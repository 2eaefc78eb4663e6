#pragma once
/// DFQ, and DAFL, ZSKT and DFAD as CMI's benchmark runs them (docs/methods/data_free.md, "CMI's benchmark").

#include "models/methods/data_free/data_free_registry.h"
#include "models/methods/data_free/generative_loss.h"
#include "models/methods/data_free/generator_task.h"

namespace engram {

struct GenerativeOptions {
  GenerativeWeights weights;
  std::string generator = "large";
  dim_t batch_size = 256, epochs = 200;
  dim_t latent = 256;
  dim_t student_steps = 10;  ///< after one step of the generator
  dim_t rounds = 40;         ///< of both an epoch: 400 steps of the student
  double lr_generator = 1e-3, lr_student = 0.1;
};

/// A round is one step of the generator (training mode; the student in evaluation mode), then steps of the student on
/// images of the generator in evaluation mode. Phases: 0 generator, 1 student.
class GenerativeTask : public GeneratorTask {
 public:
  /// Throws DataError for a teacher without batch normalisation where statistics are matched.
  GenerativeTask(const DataFreeProblem& problem, const GenerativeOptions& options);

  dim_t steps_per_epoch() const override { return options_.rounds * (1 + options_.student_steps); }
  int phase(dim_t step) const override;
  void issue() override;

 private:
  GenerativeAnswers answers(const Tensor& images);
  void issue_generator();
  void issue_student();

  GenerativeOptions options_;
};

}  // namespace engram
