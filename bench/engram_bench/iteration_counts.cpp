#include "bench/engram_bench/iteration_counts.h"

#include <cstdlib>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/profiler.h"
#include "engine/random.h"
#include "kernels/common/error.h"
#include "models/methods/inversion/natural_inversion.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"

namespace engram::bench {
namespace {

/// The records of one call of `work`, by operation.
template <class Work>
std::map<std::string, OpRecord> profile(const Work& work) {
  profiler::reset();
  profiler::enable(true);
  work();
  profiler::enable(false);
  std::map<std::string, OpRecord> records;
  for (const OpRecord& record : profiler::records()) records[record.name] = record;
  return records;
}

std::int64_t moved(const OpRecord& record) {
  return record.cost.bytes_read + record.cost.bytes_written;
}

std::int64_t moved(const std::map<std::string, OpRecord>& records) {
  std::int64_t sum = 0;
  for (const auto& [name, record] : records) sum += moved(record);
  return sum;
}

/// An iteration, and the classifier's part alone, for one batch size.
struct Sample {
  std::map<std::string, OpRecord> iteration;
  std::int64_t graph_nodes, features_bytes, loss_bytes;
};

Sample sample(const std::string& arch, dim_t batch) {
  const Device device = parse_device("emu");
  auto classifier = make_network(arch, 10, {.seed = 1, .device = device});
  classifier->eval();
  classifier->set_requires_grad(false);
  InversionOptions options;
  options.batch_size = batch;
  NaturalInversion inversion(*classifier, options, 1, 0);
  StepRunner runner(inversion);
  for (dim_t i = 0; i < 3; ++i) runner.run(i);  // two are issued, the third is captured
  const Tensor labels = Tensor::from(inversion.labels(), {batch}, device);
  Tensor images = inversion.current_images().clone();
  images.set_requires_grad();

  Sample result;
  result.graph_nodes = std::int64_t(runner.num_graph_nodes());
  result.iteration = profile([&] { runner.run(3); });
  result.features_bytes = moved(profile([&] { classifier->features_inference(images.detach()); }));
  result.loss_bytes =
      moved(profile([&] { grad({inversion_loss(*classifier, images, labels, options.weights).total}, {images}); }));
  return result;
}

/// The line through the values at one and two images.
Linear line(std::int64_t one, std::int64_t two) {
  return {.fixed = 2 * one - two, .per_image = two - one};
}

}  // namespace

Linear IterationCounts::bytes() const {
  Linear sum;
  for (const auto& [name, operation] : operations) {
    sum.fixed += operation.bytes.fixed;
    sum.per_image += operation.bytes.per_image;
  }
  return sum;
}

IterationCounts count_iteration(const std::string& arch) {
  setenv("EMU_COMPUTE", "0", 0);  // counts follow from shapes, and the arithmetic would take minutes
  const Sample one = sample(arch, 1), two = sample(arch, 2);
  if (one.graph_nodes != two.graph_nodes)
    throw DataError(message("[counts] expected as many graph nodes for any batch, got ", one.graph_nodes,
                            " for one image and ", two.graph_nodes, " for two"));
  IterationCounts counts;
  counts.graph_nodes = one.graph_nodes;
  for (const auto& [name, record] : two.iteration) {
    const auto found = one.iteration.find(name);
    if (found == one.iteration.end() || found->second.calls != record.calls)
      throw DataError(message("[counts] expected as many calls of ", name, " for any batch"));
    counts.operations[name] = {.calls = record.calls,
                               .bytes = line(moved(found->second), moved(record)),
                               .flops = line(found->second.cost.flops, record.cost.flops)};
  }
  counts.features_bytes = line(one.features_bytes, two.features_bytes);
  counts.loss_bytes = line(one.loss_bytes, two.loss_bytes);
  return counts;
}

}  // namespace engram::bench
