/// engram-kernel-times: what the kernels of each family reach on a GPU: time, bytes a second by the declared minimum,
/// and how that compares with a copy of as many bytes on the same device.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/kernel_times/device_timer.h"
#include "kernels/common/error.h"

namespace {

using namespace engram;
using namespace engram::bench;

struct Arguments {
  std::string device = "cuda", only, json;
  int scale = 128, calls = 20, rounds = 5;
};

struct Row {
  std::string name;
  double ms, gigabytes_per_s, share_of_copy;
};

/// Milliseconds of a copy on the device that moves `bytes` in all, read and written.
float copy_ms(const kernels::DeviceApi& api, const CaseDevice& device, std::int64_t bytes, const Arguments& a) {
  DeviceArrays arrays(device);
  const std::int64_t count = std::max<std::int64_t>(bytes / 8, 1);
  const float* from = arrays.values(count);
  auto* to = arrays.empty<float>(count);
  const auto copy = [&] {
    api.copy({}, to, from, std::size_t(count) * sizeof(float), kernels::CopyKind::kDeviceToDevice);
  };
  return median_ms(api, copy, a.calls, a.rounds);
}

Row measure(const KernelCase& one, const kernels::DeviceApi& api, const CaseDevice& device, const Arguments& a) {
  const std::int64_t bytes = one.cost.bytes_read + one.cost.bytes_written;
  const double copy = copy_ms(api, device, bytes, a);
  DeviceArrays arrays(device);
  const double ms = median_ms(api, one.prepare(arrays), a.calls, a.rounds);
  return {one.name, ms, double(bytes) * 1e-6 / ms, copy / ms};
}

void write_json(const std::string& path, const std::string& device, const Arguments& a, const std::vector<Row>& rows) {
  nlohmann::json all = {{"device", device}, {"scale", a.scale}, {"cases", nlohmann::json::object()}};
  for (const Row& row : rows)
    all["cases"][row.name] = {
        {"ms", row.ms}, {"gigabytes_per_s", row.gigabytes_per_s}, {"share_of_copy", row.share_of_copy}};
  std::ofstream out(path);
  out << all.dump(1) << "\n";
  if (!out.flush()) throw IoError(message("[kernel-times] expected to write ", path, ", got an error"));
}

int run(const Arguments& a) {
  const kernels::Plugin& plugin = open_device(a.device);
  const kernels::DeviceProperties properties = plugin.devices->properties(0);
  const CaseDevice device = case_device(plugin);
  std::printf("%s, %s, scale %d; bytes by the declared minimum\n%-36s%10s%10s%16s\n", properties.name.c_str(),
              properties.libraries.c_str(), a.scale, "", "us", "GB/s", "share of copy");
  std::vector<Row> rows;
  for (const KernelCase& one : family_cases(a.scale)) {
    if (one.name.find(a.only) == std::string::npos) continue;
    const Row row = measure(one, *plugin.devices, device, a);
    std::printf("%-36s%10.1f%10.0f%16.2f\n", row.name.c_str(), row.ms * 1e3, row.gigabytes_per_s, row.share_of_copy);
    rows.push_back(row);
  }
  if (rows.empty()) throw UsageError("[kernel-times] expected a case whose name contains " + a.only + ", got none");
  if (!a.json.empty()) write_json(a.json, properties.name, a, rows);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app("Times the kernels of each family on a GPU, beside a copy of as many bytes");
  app.add_option("--device", a.device, "cuda, or emu to try the program")->check(CLI::IsMember({"cuda", "emu"}));
  app.add_option("--only", a.only, "Only cases whose name contains this");
  app.add_option("--scale", a.scale, "Size of the operands, in about MB")->check(CLI::Range(1, 4096));
  app.add_option("--calls", a.calls, "Calls between two events")->check(CLI::PositiveNumber);
  app.add_option("--rounds", a.rounds, "Rounds, of which the median counts")->check(CLI::PositiveNumber);
  app.add_option("--json", a.json, "Also write the rows to this file");
  try {
    app.parse(argc, argv);
    return run(a);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const UsageError& error) {
    std::cerr << error.what() << "\n";
    return 2;
  } catch (const DeviceError& error) {
    std::cerr << error.what() << "\n";
    return 4;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 3;
  }
}
