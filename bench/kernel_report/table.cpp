#include "bench/kernel_report/table.h"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <string>

#include "emulator/model/machine.h"

namespace engram::bench {
namespace {

constexpr std::size_t kNameWidth = 44;

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

std::string cut(const std::string& text) {
  return text.size() <= kNameWidth - 2 ? text : text.substr(0, kNameWidth - 5) + "...";
}

template <class... Cells>
void print_row(std::ostream& out, const std::string& name, const Cells&... cells) {
  out << std::left << std::setw(int(kNameWidth)) << cut(name) << std::right;
  ((out << std::setw(10) << cells), ...);
  out << "\n";
}

void print_kernel(std::ostream& out, const KernelRow& row) {
  emu::RequestCounts all = row.counts.reads;
  all += row.counts.writes;
  all += row.counts.atomics;
  const auto resource = [&](auto value) { return row.has_resources ? std::to_string(value) : std::string("-"); };
  print_row(out, "  " + row.kernel, row.launches, all.requests,
            all.requests == 0 ? "-" : fixed(double(all.sectors) / double(all.requests), 2),
            fixed(row.counts.sector_efficiency(), 3), row.counts.bytes_read + row.counts.bytes_written,
            row.counts.distinct_read + row.counts.distinct_written, row.counts.shared.conflicts(),
            fixed(row.counts.active_lanes(), 1), row.counts.barriers, resource(row.resources.registers),
            resource(row.resources.spill_bytes), row.has_resources ? fixed(row.occupancy, 2) : "-");
}

void print_case(std::ostream& out, const CaseResult& result) {
  out << result.name << ": " << result.launches << " launches, " << result.bytes << " bytes moved, "
      << fixed(double(result.bytes) / double(result.minimum_bytes()), 3) << " of the declared minimum; model:";
  for (const auto& machine : emu::machines()) {
    const std::int64_t flops = result.minimum.flops;
    out << " " << machine.name << " " << fixed(1e6 * emu::roofline_seconds(machine, result.bytes, flops), 2) << " us;";
  }
  out << "\n";
  for (const auto& row : result.kernels) print_kernel(out, row);
}

}  // namespace

void print_table(std::ostream& out, const std::vector<CaseResult>& results, int compute_capability) {
  out << "Counted on the emulator. Times are a model: bytes and operations at the peaks of data sheets, without launch "
         "overhead; occupancy is theoretical, for sm_"
      << compute_capability << ".\n";
  for (const auto& machine : emu::machines()) {
    out << "  " << machine.name << ": " << fixed(machine.bytes_per_second / 1e9, 0) << " GB/s, "
        << fixed(machine.flops_per_second / 1e12, 1) << " TFLOP/s (" << machine.source << ")\n";
  }
  out << "\n";
  print_row(out, "kernel", "launches", "requests", "sect/req", "effic.", "bytes", "distinct", "conflicts", "lanes",
            "barriers", "regs", "spills", "occup.");
  for (const auto& result : results) print_case(out, result);
}

void print_sites(std::ostream& out, const CaseResult& result) {
  for (const auto& row : result.kernels) {
    auto sites = row.counts.sites;
    const auto waste = [](const emu::SiteCounts& s) {
      return s.global.sectors - s.global.ideal_sectors + s.shared.conflicts();
    };
    std::stable_sort(sites.begin(), sites.end(), [&](const auto& a, const auto& b) { return waste(a) > waste(b); });
    out << "\n" << result.name << ", " << row.kernel << "\n";
    print_row(out, "  place", "requests", "sectors", "ideal", "conflicts");
    for (const auto& site : sites) {
      print_row(out, "  " + emu::describe_site(site.site), site.global.requests + site.shared.requests,
                site.global.sectors, site.global.ideal_sectors, site.shared.conflicts());
    }
  }
}

}  // namespace engram::bench
