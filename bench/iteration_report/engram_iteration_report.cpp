/// engram-iteration-report: launches and declared traffic of one iteration of NaturalInversion, a roofline estimate for
/// three GPUs (a model: peak figures, nothing measured), and the gate of CI on the counts.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/iteration_report/iteration_counts.h"
#include "emulator/model/machine.h"
#include "kernels/common/error.h"

namespace {

using namespace engram;
using namespace engram::bench;
using nlohmann::json;

struct Arguments {
  std::string arch = "resnet34", check, update;
  std::int64_t batch = 256;
};

void print_operations(const IterationCounts& counts, std::int64_t batch) {
  std::printf("%-28s %6s %14s %14s %12s\n", "operation", "calls", "MB/batch", "MB fixed", "GFLOP");
  for (const auto& [name, operation] : counts.operations)
    std::printf("%-28s %6lld %14.1f %14.1f %12.2f\n", name.c_str(), static_cast<long long>(operation.calls),
                double(batch * operation.bytes.per_image) / 1e6, double(operation.bytes.fixed) / 1e6,
                double(operation.flops.at(batch)) / 1e9);
}

/// Each operation at the slower of memory and arithmetic, one after the other.
double roofline_seconds(const IterationCounts& counts, const emu::Machine& machine, std::int64_t batch) {
  double seconds = 0;
  for (const auto& [name, operation] : counts.operations)
    seconds += emu::roofline_seconds(machine, operation.bytes.at(batch), operation.flops.at(batch));
  return seconds;
}

void print_report(const IterationCounts& counts, const Arguments& arguments) {
  const std::int64_t batch = arguments.batch;
  std::printf("NaturalInversion of %s, one iteration, %lld images, f32\n\n", arguments.arch.c_str(),
              static_cast<long long>(batch));
  print_operations(counts, batch);
  const Linear bytes = counts.bytes();
  std::printf("\nactivation traffic (bytes that grow with the batch)  %8.3f GB\n",
              double(batch * bytes.per_image) / 1e9);
  std::printf("  of it the classifier's features                    %8.3f GB\n",
              double(batch * counts.features_bytes.per_image) / 1e9);
  std::printf("  and its pass with statistics and back              %8.3f GB\n",
              double(batch * counts.loss_bytes.per_image) / 1e9);
  std::printf("parameters, gradients and optimiser state            %8.3f GB\n", double(bytes.fixed) / 1e9);
  std::printf("nodes of the captured graph (kernels, library calls, copies, fills) %lld\n",
              static_cast<long long>(counts.graph_nodes));
  for (const emu::Machine& machine : emu::machines())
    std::printf("roofline on %s (model, f32 without tensor cores): %.2f ms\n", machine.name,
                1e3 * roofline_seconds(counts, machine, batch));
}

/// What the gate compares.
json record_of(const IterationCounts& counts) {
  json operations = json::object();
  for (const auto& [name, operation] : counts.operations)
    operations[name] = {{"calls", operation.calls},
                        {"bytes_per_image", operation.bytes.per_image},
                        {"bytes_fixed", operation.bytes.fixed}};
  const Linear bytes = counts.bytes();
  return {{"operations", operations},
          {"graph_nodes", counts.graph_nodes},
          {"activation_bytes_256", 256 * bytes.per_image},
          {"features_activation_bytes_256", 256 * counts.features_bytes.per_image},
          {"loss_activation_bytes_256", 256 * counts.loss_bytes.per_image}};
}

int check(const json& now, const Arguments& arguments, const std::string& program) {
  std::ifstream in(arguments.check);
  const json baseline = json::parse(in, nullptr, false);
  if (!baseline.is_object() || !baseline.contains(arguments.arch))
    throw DataError(message("[iteration-report] ", arguments.check, " expected counts of ", arguments.arch));
  const json was = baseline.at(arguments.arch).flatten(), is = now.flatten();
  int failures = 0;
  const auto fail = [&](const std::string& text) {
    std::cout << "FAILED " << text << "\n";
    ++failures;
  };
  for (const auto& [key, value] : is.items())
    if (!was.contains(key) || was[key] != value)
      fail(key + ": was " + (was.contains(key) ? was[key].dump() : "nothing") + ", is " + value.dump());
  for (const auto& [key, value] : was.items())
    if (!is.contains(key)) fail(key + ": was " + value.dump() + ", is nothing");
  const json& limits = baseline.at("limits");
  for (const auto& [key, limit] : limits.items())
    if (now.at(key).get<double>() > limit.get<double>())
      fail(key + ": expected at most " + limit.dump() + ", got " + now.at(key).dump());
  if (failures == 0) return 0;
  std::cout << "  reproduce: " << program << " --check " << arguments.check << "\n  if it is meant: " << program
            << " --update " << arguments.check << "\n";
  return 1;
}

/// Replaces the counts of the network and keeps everything else of the file.
void update(const json& now, const Arguments& arguments) {
  std::ifstream in(arguments.update);
  json file = json::parse(in, nullptr, false);
  if (!file.is_object()) file = json::object();
  file[arguments.arch] = now;
  std::ofstream(arguments.update) << file.dump(1) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Launches and traffic of one iteration of NaturalInversion, counted on the emulated device");
  app.add_option("--arch", arguments.arch, "Classifier")->capture_default_str();
  app.add_option("--batch", arguments.batch, "Images for the table")->check(CLI::PositiveNumber)->capture_default_str();
  auto* checked = app.add_option("--check", arguments.check, "Baseline file: exit code 1 where a count differs");
  app.add_option("--update", arguments.update, "Write the counts into this baseline file")->excludes(checked);
  try {
    app.parse(argc, argv);
    const IterationCounts counts = count_iteration(arguments.arch);
    print_report(counts, arguments);
    if (!arguments.update.empty()) update(record_of(counts), arguments);
    return arguments.check.empty() ? 0 : check(record_of(counts), arguments, argv[0]);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const UsageError& error) {
    std::cerr << error.what() << "\n";
    return 2;
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 3;
  }
}
