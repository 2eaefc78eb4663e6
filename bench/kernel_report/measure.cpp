#include "bench/kernel_report/measure.h"

#include <algorithm>

#include "emulator/emulator.h"
#include "emulator/model/occupancy.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/matmul/matmul.h"
#include "kernels/plugin/cuda/cuda_backend.h"

namespace engram::bench {
namespace {

// "a::(anonymous namespace)::f<a::B>" to "f<a::B>".
std::string unqualified(const std::string& name) {
  const std::string head = name.substr(0, name.find('<'));
  const auto colon = head.rfind("::");
  return colon == std::string::npos ? name : name.substr(colon + 2);
}

void add_counts(emu::LaunchCounts& sum, const emu::LaunchCounts& one) {
  sum.reads += one.reads;
  sum.writes += one.writes;
  sum.atomics += one.atomics;
  sum.shared += one.shared;
  sum.bytes_read += one.bytes_read;
  sum.bytes_written += one.bytes_written;
  sum.distinct_read += one.distinct_read;
  sum.distinct_written += one.distinct_written;
  sum.barriers += one.barriers;
  sum.warp_operations += one.warp_operations;
  for (const auto& site : one.sites) {
    auto found = std::find_if(sum.sites.begin(), sum.sites.end(), [&](const auto& s) { return s.site == site.site; });
    if (found == sum.sites.end()) {
      sum.sites.push_back(site);
    } else {
      found->global += site.global;
      found->shared += site.shared;
    }
  }
}

KernelRow& row_of(CaseResult& result, const emu::LaunchCounts& launch, const Budget& budget, int capability) {
  const std::string full = emu::kernel_name(launch.function, launch.kernel);
  const std::string name = unqualified(full);
  for (auto& row : result.kernels) {
    if (row.counts.function == launch.function) return row;
  }
  KernelRow row;
  row.kernel = name;
  row.counts.function = launch.function;
  row.counts.grid = launch.grid;
  row.counts.block = launch.block;
  row.counts.dynamic_shared_bytes = launch.dynamic_shared_bytes;
  row.counts.static_shared_bytes = launch.static_shared_bytes;
  row.threads = int(launch.block.count());
  if (const auto found = budget.find(full); found != budget.end()) {
    row.has_resources = true;
    row.resources = found->second;
    const auto occupancy = emu::occupancy(emu::limits_of(capability), row.threads, row.resources.registers,
                                          row.resources.shared_bytes + std::int64_t(launch.dynamic_shared_bytes));
    row.occupancy = occupancy.fraction;
    row.occupancy_bound = occupancy.bound;
  }
  result.kernels.push_back(std::move(row));
  return result.kernels.back();
}

}  // namespace

CaseResult measure(const KernelCase& kernel_case, const Budget& budget, int compute_capability) {
  CaseResult result;
  result.name = kernel_case.name;
  result.minimum = kernel_case.cost;
  result.declared_conflicts = kernel_case.declared_conflicts;
  emu::options().order = emu::Order::kForward;
  emu::options().count = false;
  static const kernels::Backend kernels = kernels::cuda::backend_with("emu", kernels::kCpuConv2d, kernels::kCpuMatmul);
  static const cases::CaseDevice emulated = {kernels, [](std::size_t bytes) { return emu::allocate(bytes); },
                                             emu::release, emu::copy};
  cases::DeviceArrays device(emulated);
  const auto call = kernel_case.prepare(device);
  emu::take_counts();
  emu::options().count = true;
  call();
  emu::options().count = false;
  emu::RequestCounts requests;
  for (const auto& launch : emu::take_counts()) {
    KernelRow& row = row_of(result, launch, budget, compute_capability);
    ++row.launches;
    add_counts(row.counts, launch);
    ++result.launches;
    result.bytes += std::int64_t(launch.bytes_read + launch.bytes_written);
    result.conflicts += launch.shared.conflicts();
    requests += launch.reads;
    requests += launch.writes;
    requests += launch.atomics;
  }
  if (requests.sectors != 0) result.sector_efficiency = double(requests.ideal_sectors) / double(requests.sectors);
  result.findings = emu::describe(emu::take_reports());
  return result;
}

}  // namespace engram::bench
