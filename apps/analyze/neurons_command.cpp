/// engram-analyze neurons

#include <ostream>

#include "apps/analyze/commands.h"
#include "apps/analyze/picture_output.h"
#include "apps/analyze/subjects.h"
#include "apps/common/canvas.h"
#include "apps/common/exit_code.h"
#include "engine/autograd.h"
#include "models/methods/metrics/active_neurons.h"
#include "models/nets/finite_outputs.h"

namespace engram::apps {
namespace {

struct NeuronSettings {
  SubjectSettings subject = {.limit = 2000};
  double threshold = 0.01, share = 0.99;
};

/// The pooled vectors of all images, and the loss's gradient to each.
struct PooledValues {
  ChannelValues activations, gradients;
  bool completed = false;
};

PooledValues pooled_values(const Call& call, const Subject& subject, const ImageDataset& images,
                           const SubjectSettings& s) {
  PooledValues result;
  const auto append = [](ChannelValues& to, const Tensor& values) {
    const std::vector<float> from = values.to_vector();
    to.channels = values.dim(1);
    to.values.insert(to.values.end(), from.begin(), from.end());
  };
  result.completed =
      for_batches(call, s, images, subject.network().device(), subject.classifier.normalization,
                  [&](const Tensor& x, const Tensor& labels, dim_t) {
                    Tensor pixels = x.detach().set_requires_grad();  // so that the pooled vector has a history
                    const Features features = subject.network().forward(pixels, {.pooled = true});
                    check_finite_outputs("neurons", "logits", subject.network(), x, features.logits.to_vector());
                    const Tensor loss = mul(softmax_cross_entropy(features.logits, labels), float(x.dim(0)));
                    append(result.activations, features.pooled.detach());
                    append(result.gradients, grad({loss}, {features.pooled})[0]);
                  });
  return result;
}

/// Counts of one part of a network's last feature.
struct Counts {
  std::string network, part;
  dim_t channels, active;
  ActiveDirections activations, gradients;
};

Counts counts_of(const std::string& network, const std::string& part, const ChannelValues& activations,
                 const ChannelValues& gradients, const NeuronSettings& s) {
  return {network,
          part,
          activations.channels,
          active_channels(activations, s.threshold),
          active_directions(activations, s.share),
          active_directions(gradients, s.share)};
}

void write_counts(io::CsvWriter& table, const Counts& c) {
  table.cell(c.network).cell(c.part).cell(std::int64_t(c.channels)).cell(std::int64_t(c.active));
  for (const ActiveDirections& d : {c.activations, c.gradients})
    table.cell(std::int64_t(d.rank)).cell(d.participation).cell(d.entropy_rank);
  table.end_row();
}

/// A row a part: each count as the share of the channels.
io::Image picture_of(const std::vector<Counts>& all) {
  const std::vector<std::string> columns = {
      "active", "rank", "participation", "entropy", "gradient rank", "gradient participation", "gradient entropy"};
  std::vector<std::string> rows;
  std::vector<std::vector<double>> values;
  for (const Counts& c : all) {
    rows.push_back(c.network + " " + c.part + " / " + std::to_string(c.channels));
    auto& row = values.emplace_back();
    for (const double v :
         {double(c.active), double(c.activations.rank), c.activations.participation, c.activations.entropy_rank,
          double(c.gradients.rank), c.gradients.participation, c.gradients.entropy_rank})
      row.push_back(v / double(c.channels));
  }
  return matrix_picture(values, rows, columns, 0, 1);
}

}  // namespace

int run_neurons(Call& call) {
  NeuronSettings s;
  Cli cli(call,
          "Counts the channels of the last feature that are active, and the directions in which they and the loss's "
          "gradient vary, of whole networks and of the halves that inherit and explore.");
  add_subject_settings(cli, s.subject, "Networks", "images");
  cli.group("Counts");
  cli.option("threshold", &s.threshold, "A channel is active above this share of the largest channel mean")
      .at_least(0)
      .at_most(0.999);
  cli.option("share", &s.share, "Share of the variance that the counted directions hold").at_least(0.001).at_most(1);
  if (!cli.parse()) return kExitOk;
  const Subjects subjects = open_subjects(call, s.subject, 1, 16);
  if (subjects.images.count < 2) throw UsageError("expected two or more images, got one");
  PictureOutput out(s.subject.out, {"network", "part", "channels", "active", "rank", "participation", "entropy_rank",
                                    "gradient_rank", "gradient_participation", "gradient_entropy_rank"});
  std::vector<Counts> all;
  for (const Subject& subject : subjects.networks) {
    const PooledValues pooled = pooled_values(call, subject, subjects.images, s.subject);
    if (!pooled.completed) return stopped(call);
    const dim_t channels = pooled.activations.channels, half = channels / 2;
    all.push_back(counts_of(subject.name, "whole", pooled.activations, pooled.gradients, s));
    if (half == 0) continue;
    all.push_back(
        counts_of(subject.name, "inherit", pooled.activations.part(0, half), pooled.gradients.part(0, half), s));
    all.push_back(counts_of(subject.name, "explore", pooled.activations.part(half, channels),
                            pooled.gradients.part(half, channels), s));
  }
  for (const Counts& counts : all) write_counts(out.table(), counts);
  out.commit(call, picture_of(all));
  return kExitOk;
}

}  // namespace engram::apps
