/// engram-inspect: what a tensor file holds, how two differ, and which devices there are.

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "apps/common/cli.h"
#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/processor.h"
#include "engine/device.h"
#include "engine/io/tensor_summary.h"
#include "kernels/backend_info.h"
#include "kernels/common/error.h"
#include "kernels/plugin/plugin.h"

namespace engram::apps {
namespace {

constexpr std::size_t kLongestText = 200;  // of a metadata value, in characters

std::string shown(const std::string& text) {
  const std::string line = one_line(text);
  return line.size() <= kLongestText ? line : line.substr(0, kLongestText) + "...";
}

std::string shape_text(const std::vector<dim_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string type_text(const io::SafetensorsEntry& entry) {
  return std::string(io::file_dtype_name(entry.dtype)) + " " + shape_text(entry.shape);
}

dim_t count_of(const io::SafetensorsEntry& entry) {
  return dim_t(entry.bytes.size() / io::file_dtype_bytes(entry.dtype));
}

/// Whether a tensor of that name is a running statistic of a normalisation rather than a parameter.
bool is_statistic(const std::string& name) {
  return name.ends_with("running_mean") || name.ends_with("running_var") || name.ends_with("num_batches_tracked");
}

/// The entries in the order of their names.
std::map<std::string, const io::SafetensorsEntry*> by_name(const io::SafetensorsFile& file) {
  std::map<std::string, const io::SafetensorsEntry*> entries;
  for (const io::SafetensorsEntry& entry : file->entries) entries[entry.name] = &entry;
  return entries;
}

int name_width(const std::set<std::string>& names) {
  std::size_t width = 6;
  for (const std::string& name : names) width = std::max(width, shown(name).size());
  return int(width);
}

void print_totals(const io::SafetensorsFile& file) {
  dim_t parameters = 0, statistics = 0;
  std::size_t bytes = 0;
  for (const io::SafetensorsEntry& entry : file->entries) {
    (is_statistic(entry.name) ? statistics : parameters) += count_of(entry);
    bytes += entry.bytes.size();
  }
  std::printf("tensors     %zu, %.3f MB\n", file->entries.size(), double(bytes) * 1e-6);
  std::printf("parameters  %lld\n", (long long)parameters);
  if (statistics > 0) std::printf("statistics  %lld (of normalisation layers)\n", (long long)statistics);
  for (const auto& [key, value] : file->metadata)
    std::printf("metadata    %s: %s\n", shown(key).c_str(), shown(value).c_str());
}

int inspect(const std::string& path) {
  const io::SafetensorsFile file{std::filesystem::path(path)};
  std::printf("file        %s\n", shown(path).c_str());
  print_totals(file);
  const auto entries = by_name(file);
  std::set<std::string> names;
  for (const auto& [name, entry] : entries) names.insert(name);
  const int width = name_width(names);
  if (!entries.empty())
    std::printf("\n%-*s  %-22s %11s %11s %11s %11s  %s\n", width, "tensor", "type", "min", "max", "mean", "std",
                "not finite");
  dim_t not_finite = 0;
  for (const auto& [name, entry] : entries) {
    std::printf("%-*s  %-22s ", width, shown(name).c_str(), type_text(*entry).c_str());
    if (entry->dtype == io::FileDType::kC64) {
      std::printf("%11s %11s %11s %11s  -\n", "-", "-", "-", "-");
      continue;
    }
    const io::TensorSummary s = io::summarize(*entry);
    not_finite += s.num_nan + s.num_infinite;
    std::printf("%11.4g %11.4g %11.4g %11.4g  %lld", double(s.minimum), double(s.maximum), s.mean, s.standard_deviation,
                (long long)(s.num_nan + s.num_infinite));
    if (s.num_nan + s.num_infinite > 0)
      std::printf(" (%lld NaN, %lld infinite)", (long long)s.num_nan, (long long)s.num_infinite);
    std::printf("\n");
  }
  if (not_finite > 0) std::printf("\n%lld elements are not finite\n", (long long)not_finite);
  return kExitOk;
}

/// Prints how two tensors of one name differ; returns whether they do.
bool print_difference(const io::SafetensorsEntry& a, const io::SafetensorsEntry& b, int width) {
  const auto line = [&](const std::string& text) {
    std::printf("%-*s  %s\n", width, shown(a.name).c_str(), text.c_str());
  };
  if (a.shape != b.shape) {
    line(type_text(a) + " against " + type_text(b));
    return true;
  }
  const bool comparable = a.dtype != io::FileDType::kC64 && b.dtype != io::FileDType::kC64;
  if (!comparable) {
    const bool same = a.dtype == b.dtype && std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
    if (!same) line(type_text(a) + " against " + type_text(b) + ", bytes differ");
    return !same;
  }
  const io::TensorDifference d = io::compare(a, b);
  if (d.same_bytes) return false;
  char text[200];
  std::snprintf(text, sizeof text, "%lld of %lld differ, max |a-b| %.4g at element %lld, max %llu ulp",
                (long long)d.num_different, (long long)count_of(a), d.max_absolute, (long long)d.where,
                (unsigned long long)d.max_ulp);
  const std::string types = a.dtype == b.dtype ? "" : type_text(a) + " against " + type_text(b) + ", ";
  line(types + (d.num_different > 0 ? text : "equal as f32"));
  return true;
}

int diff(const std::string& path_a, const std::string& path_b) {
  const io::SafetensorsFile file_a{std::filesystem::path(path_a)}, file_b{std::filesystem::path(path_b)};
  const auto a = by_name(file_a), b = by_name(file_b);
  std::set<std::string> names, keys;
  for (const auto* entries : {&a, &b})
    for (const auto& [name, entry] : *entries) names.insert(name);
  const int width = name_width(names);
  std::size_t missing = 0, extra = 0, different = 0;
  for (const std::string& name : names) {
    const auto in_a = a.find(name), in_b = b.find(name);
    if (in_b == b.end()) {
      ++missing;
      std::printf("%-*s  only in A: %s\n", width, shown(name).c_str(), type_text(*in_a->second).c_str());
    } else if (in_a == a.end()) {
      ++extra;
      std::printf("%-*s  only in B: %s\n", width, shown(name).c_str(), type_text(*in_b->second).c_str());
    } else {
      different += print_difference(*in_a->second, *in_b->second, width);
    }
  }
  for (const auto* metadata : {&file_a->metadata, &file_b->metadata})
    for (const auto& [key, value] : *metadata) keys.insert(key);
  const auto text_of = [](const io::SafetensorsMetadata& metadata, const std::string& key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string("none") : "'" + shown(found->second) + "'";
  };
  std::size_t metadata_different = 0;
  for (const std::string& key : keys) {
    const std::string va = text_of(file_a->metadata, key), vb = text_of(file_b->metadata, key);
    if (va == vb) continue;
    ++metadata_different;
    std::printf("metadata %s: %s against %s\n", shown(key).c_str(), va.c_str(), vb.c_str());
  }
  std::printf("%zu tensors equal, %zu differ, %zu only in A, %zu only in B; %zu metadata differ\n",
              names.size() - missing - extra - different, different, missing, extra, metadata_different);
  return kExitOk;
}

int devices() {
  const kernels::BackendInfo cpu = kernels::cpu_backend_info();
  const std::string name = processor();
  std::printf("device      available  what runs there\n");
  std::printf("%-11s yes        %s\n", cpu.name.c_str(), name.empty() ? "unknown processor" : name.c_str());
  for (const DeviceKind& kind : list_devices()) {
    if (kind.type == DeviceType::kCpu) continue;
    for (const Device& device : kind.devices) {
      const kernels::DeviceProperties p = device_properties(device);
      std::printf("%-11s yes        %s, compute capability %d.%d, %zu MiB, %d multiprocessors; %s\n",
                  to_string(device).c_str(), p.name.c_str(), p.major, p.minor, p.memory_bytes >> 20,
                  p.num_multiprocessors, p.libraries.c_str());
    }
    if (kind.devices.empty())
      std::printf("%-11s no         %s\n", kind.type == DeviceType::kCuda ? "cuda" : "emu", kind.why_not.c_str());
  }
  std::printf("\ncpu\n");
  std::printf("  threads           %d\n", cpu.threads);
  std::printf("  own kernels       %s\n", cpu.kernel_isa.c_str());
  std::printf("  convolutions      %s, %s\n", cpu.library.c_str(), cpu.library_isa.c_str());
  std::printf("  3x3 convolutions  own kernels, Winograd (--exact for direct sums)\n");
  std::printf("  element types     f32 (computation), i32, u8 (labels, images); files also f16, bf16, f8, f64\n");
  std::printf("  --device auto     %s\n", to_string(parse_device("auto")).c_str());
  return kExitOk;
}

int program(int argc, char** argv) {
  bool want_diff = false, want_devices = false;
  std::vector<std::string> files;
  Cli cli("engram-inspect",
          "Shows what a .safetensors file holds, how two of them differ, or which devices there are.");
  cli.positional("FILE", &files, "File to show; two with --diff").only_on_command_line();
  cli.option("diff", &want_diff, "Compare two files: tensors and metadata that differ, by how much")
      .only_on_command_line();
  cli.option("devices", &want_devices, "List the devices and what they support").only_on_command_line();
  cli.footer(
      "Statistics are those of the finite elements as f32. An ulp is one step between neighbouring f32 numbers.");
  if (!cli.parse(argc, argv)) return kExitOk;
  if (want_devices) {
    if (want_diff || !files.empty()) throw UsageError("expected --devices alone, got it with files or --diff");
    return devices();
  }
  const std::size_t expected = want_diff ? 2 : 1;
  if (files.size() != expected)
    throw UsageError(message("expected ", expected, expected == 1 ? " file" : " files", want_diff ? " with --diff" : "",
                             ", got ", files.size(), " (see --help)"));
  return want_diff ? diff(files[0], files[1]) : inspect(files[0]);
}

}  // namespace
}  // namespace engram::apps

int main(int argc, char** argv) {
  return engram::apps::run_main("engram-inspect", [&] { return engram::apps::program(argc, argv); });
}
