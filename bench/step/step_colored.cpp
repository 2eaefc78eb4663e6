/// Times full-batch steps of a method on Coloured MNIST (two environments of 25,000 images, 390 and 390 hidden values)
/// and, in turns with them, the step's matrix products alone; see bench/peers/README.md.

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/step/random_images.h"
#include "bench/step/timing.h"
#include "engine/autograd.h"
#include "engine/ops.h"
#include "kernels/common/parallel.h"
#include "models/data/environment_stager.h"
#include "models/methods/ood/ood_registry.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"

namespace engram::bench {
namespace {

constexpr dim_t kImages = 25000, kPixels = 2 * 14 * 14;

/// The products of a step, each as one call on operands of its own: forward, gradients of weights and, but for the
/// first layer, of inputs.
class Products {
 public:
  explicit Products(const std::vector<dim_t>& widths) {
    for (std::size_t i = 0; i + 1 < widths.size(); ++i)
      layers_.push_back({Tensor::full({kImages, widths[i]}, 0.5f), Tensor::full({widths[i + 1], widths[i]}, 0.01f),
                         Tensor::full({kImages, widths[i + 1]}, 0.5f)});
  }
  void run(std::size_t environments) const {
    const NoGradGuard no_grad;
    for (std::size_t e = 0; e < environments; ++e)
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        const auto& [x, w, g] = layers_[i];
        matmul(x, w, false, true);
        matmul(g, x, true, false);
        if (i > 0) matmul(g, w);
      }
  }

 private:
  struct Layer {
    Tensor x, w, g;
  };
  std::vector<Layer> layers_;
};

OodOptions options_of(const StepOptions& options, const std::string& method) {
  OodOptions result;
  result.optimizer = adam_options();
  result.schedule.base_lr = 4.9e-4;
  result.total_steps = options.warmup + options.steps;
  result.l2 = method == "erm" ? 0.001 : 0.0011;
  return result;
}

void time_colored(const StepOptions& options, const std::string& method) {
  const Environments environments = {{"first", random_images(kImages, {2, 14, 14}, 2)},
                                     {"second", random_images(kImages, {2, 14, 14}, 2)}};
  const std::unique_ptr<Network> network = make_network("mlp", 1, {.seed = 1, .image = environments[0].images.shape()});
  EnvironmentStager source(environments, {}, {});
  const OodOptions of_task = options_of(options, method);
  const std::string settings =
      method == "erm" ? method : R"({"name": "irm", "lambda": 91257, "halves": false, "anneal": 0, "divide": true})";
  const std::unique_ptr<OodTask> task = ood_registry().make(settings, {*network, source, of_task});
  StepRunner runner(*task);
  const Products products({kPixels, 390, 390, 1});
  dim_t step = 0;
  const auto [steps, alone] = measure_in_turns(
      options, [&] { runner.run(step++); }, [&] { products.run(environments.size()); });
  const nlohmann::json line = {{"seconds_per_step", steps.wall},
                               {"cpu_seconds_per_step", steps.cpu},
                               {"seconds_of_products", alone.wall},
                               {"cpu_seconds_of_products", alone.cpu},
                               {"peak_rss_bytes", steps.peak_rss_bytes}};
  std::cout << line.dump() << "\n";
}

}  // namespace
}  // namespace engram::bench

int main(int argc, char** argv) {
  engram::bench::StepOptions options;
  std::string method = "erm";
  CLI::App app("Times full-batch steps on Coloured MNIST, on random images.");
  app.add_option("--method", method, "erm or irm")->check(CLI::IsMember({"erm", "irm"}))->capture_default_str();
  engram::bench::add_timing_options(app, options);
  CLI11_PARSE(app, argc, argv);
  engram::kernels::set_num_threads(options.threads);
  engram::bench::time_colored(options, method);
}
