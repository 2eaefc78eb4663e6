/// engram-analyze flatness

#include <ostream>

#include "apps/analyze/commands.h"
#include "apps/analyze/picture_output.h"
#include "apps/analyze/subjects.h"
#include "apps/common/canvas.h"
#include "apps/common/exit_code.h"
#include "models/methods/metrics/flatness.h"

namespace engram::apps {
namespace {

struct FlatnessSettings {
  SubjectSettings subject = {.split = "train", .limit = 2000};
  std::vector<double> deviations = FlatnessOptions().deviations;
  std::int64_t draws = FlatnessOptions().draws;
};

}  // namespace

int run_flatness(Call& call) {
  FlatnessSettings s;
  Cli cli(call,
          "Disturbs the weights by normal noise and measures how the loss rises: the flatter the minimum, the "
          "less.");
  add_subject_settings(cli, s.subject, "Networks", "images");
  cli.group("Noise");
  cli.option("deviations", &s.deviations, "Standard deviations of the noise").at_least(0).at_most(1000);
  cli.option("draws", &s.draws, "Draws a deviation").at_least(1).at_most(1000);
  add_seed_option(cli, s.subject.common);
  if (!cli.parse()) return kExitOk;
  if (s.deviations.empty()) throw UsageError("--deviations: expected one number or more, got none");
  const Subjects subjects = open_subjects(call, s.subject, 1, 8);
  PictureOutput out(s.subject.out, {"network", "deviation", "mean_loss", "lowest_loss", "highest_loss", "rise"});
  std::vector<ChartSeries> lines;
  for (const Subject& subject : subjects.networks) {
    if (call.stop()) return stopped(call);
    const FlatnessOptions options = {
        .deviations = s.deviations,
        .draws = int(s.draws),
        .seed = s.subject.common.seed,
        .evaluate = {.batch_size = s.subject.batch_size, .normalization = subject.classifier.normalization}};
    const double own = evaluate(subject.network(), subjects.images, options.evaluate).mean_loss;
    ChartSeries& line = lines.emplace_back(ChartSeries{subject.name, {}});
    for (const NoisyLoss& loss : measure_flatness(subject.network(), subjects.images, options)) {
      line.points.push_back({loss.deviation, loss.mean - own});
      out.table().cell(subject.name).cell(loss.deviation).cell(loss.mean).cell(loss.lowest).cell(loss.highest);
      out.table().cell(loss.mean - own).end_row();
    }
  }
  out.commit(call, line_picture("rise of the loss over the noise of the weights", lines));
  return kExitOk;
}

}  // namespace engram::apps
