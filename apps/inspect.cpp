/// engram-inspect: what a tensor file holds, how two differ, and which devices there are.

#include <nlohmann/json.hpp>
#include <ostream>

#include "apps/common/classifier_of_run.h"
#include "apps/common/cli.h"
#include "apps/common/exit_code.h"
#include "apps/common/file_listing.h"
#include "apps/common/processor.h"
#include "apps/programs.h"
#include "engine/device.h"
#include "kernels/backend_info.h"
#include "kernels/common/error.h"
#include "kernels/plugin/plugin.h"

namespace engram::apps {
namespace {

int devices(std::ostream& out) {
  const kernels::BackendInfo cpu = kernels::cpu_backend_info();
  const std::string name = processor();
  print(out, "device      available  what runs there\n");
  print(out, "%-11s yes        %s\n", cpu.name.c_str(), name.empty() ? "unknown processor" : name.c_str());
  for (const DeviceKind& kind : list_devices()) {
    if (kind.type == DeviceType::kCpu) continue;
    for (const Device& device : kind.devices) {
      const kernels::DeviceProperties p = device_properties(device);
      print(out, "%-11s yes        %s, compute capability %d.%d, %zu MiB, %d multiprocessors; %s\n",
            to_string(device).c_str(), p.name.c_str(), p.major, p.minor, p.memory_bytes >> 20, p.num_multiprocessors,
            p.libraries.c_str());
    }
    if (kind.devices.empty())
      print(out, "%-11s no         %s\n", kind.type == DeviceType::kCuda ? "cuda" : "emu", kind.why_not.c_str());
  }
  print(out, "\ncpu\n");
  print(out, "  threads           %d\n", cpu.threads);
  print(out, "  own kernels       %s\n", cpu.kernel_isa.c_str());
  print(out, "  convolutions      %s, %s\n", cpu.library.c_str(), cpu.library_isa.c_str());
  print(out, "  3x3 convolutions  own kernels, Winograd (--exact for direct sums)\n");
  print(out, "  element types     f32 (computation), i32, u8 (labels, images); files also f16, bf16, f8, f64\n");
  print(out, "  --device auto     %s\n", to_string(parse_device("auto")).c_str());
  return kExitOk;
}

/// The same for programs.
int devices_json(std::ostream& out) {
  using Json = nlohmann::ordered_json;
  const kernels::BackendInfo cpu = kernels::cpu_backend_info();
  Json all = Json::array();
  all.push_back({{"device", cpu.name},
                 {"available", true},
                 {"name", processor()},
                 {"threads", cpu.threads},
                 {"kernels", cpu.kernel_isa},
                 {"library", cpu.library},
                 {"library_kernels", cpu.library_isa}});
  for (const DeviceKind& kind : list_devices()) {
    if (kind.type == DeviceType::kCpu) continue;
    for (const Device& device : kind.devices) {
      const kernels::DeviceProperties p = device_properties(device);
      all.push_back({{"device", to_string(device)},
                     {"available", true},
                     {"name", p.name},
                     {"compute_capability", message(p.major, ".", p.minor)},
                     {"memory_mib", p.memory_bytes >> 20},
                     {"multiprocessors", p.num_multiprocessors},
                     {"library", p.libraries}});
    }
    if (kind.devices.empty())
      all.push_back({{"device", kind.type == DeviceType::kCuda ? "cuda" : "emu"},
                     {"available", false},
                     {"reason", kind.why_not}});
  }
  const Json listed = {{"devices", all}, {"auto", to_string(parse_device("auto"))}};
  out << listed.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  return kExitOk;
}

/// The tensors that a path means: a file, or those that a run made.
std::filesystem::path tensor_file(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path images = std::filesystem::path(path) / "samples.safetensors";
  return std::filesystem::is_regular_file(images, ignored) ? images : classifier_file(path);
}

}  // namespace

int run_inspect(Call& call) {
  bool want_diff = false, want_devices = false, json = false;
  std::vector<std::string> files;
  Cli cli(call, "Shows what a .safetensors file holds, how two of them differ, or which devices there are.");
  cli.positional("FILE", &files, "File to show, or the folder of a run; two with --diff").only_on_command_line();
  cli.option("diff", &want_diff, "Compare two files: tensors and metadata that differ, by how much")
      .only_on_command_line();
  cli.option("json", &json, "Print JSON instead of a table").only_on_command_line();
  cli.option("devices", &want_devices, "List the devices and what they support").only_on_command_line();
  cli.footer(
      "Statistics are those of the finite elements as f32. An ulp is one step between neighbouring f32 numbers.");
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  if (want_devices) {
    if (want_diff || !files.empty())
      throw UsageError(
          message("expected --devices alone or with --json, got it with ", files.empty() ? "--diff" : files[0]));
    return json ? devices_json(*call.out) : devices(*call.out);
  }
  const std::size_t expected = want_diff ? 2 : 1;
  if (files.size() != expected)
    throw UsageError(message("expected ", expected, expected == 1 ? " file" : " files", want_diff ? " with --diff" : "",
                             ", got ", files.size(), " (see --help)"));
  const std::filesystem::path shown = tensor_file(files[0]);
  const io::SafetensorsFile first{shown};
  if (want_diff) {
    const io::SafetensorsFile second{tensor_file(files[1])};
    *call.out << (json ? difference_json(first, second) : difference_text(first, second));
  } else {
    *call.out << (json ? listing_json(shown, first) : listing_text(shown, first));
  }
  return kExitOk;
}

}  // namespace engram::apps
