#include "apps/common/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/common/html.h"
#include "apps/common/page.h"
#include "apps/common/profile_report.h"
#include "apps/common/progress.h"
#include "apps/common/pruning_table.h"
#include "apps/common/recognition.h"
#include "apps/common/report_images.h"
#include "apps/common/run_metrics.h"
#include "apps/common/score_table.h"
#include "apps/common/svg_chart.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxJsonBytes = std::uint64_t{1} << 24;
constexpr int kMaxJsonDepth = 32;  // what follows goes down by recursion

/// A JSON file of the run, or a sentence about why there is none.
struct JsonFile {
  Json value;
  std::string problem;
};

JsonFile parse_json(std::string_view text, const std::string& name) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kMaxJsonDepth; };
  Json value = Json::parse(text, shallow, false, true);
  if (value.is_object()) return {std::move(value), ""};
  return {{}, name + " is damaged: it is not a JSON object."};
}

JsonFile read_json(const fs::path& file) {
  const std::string name = file.filename().string();
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {{}, name + " is missing."};
  try {
    return parse_json(io::as_text(io::read_file(file, kMaxJsonBytes)), name);
  } catch (const Error&) {
    return {{}, name + " cannot be read or is too large."};
  }
}

std::string json_text(const std::string& name, const Json& value) {
  if (value.is_number_float()) return is_share(name) ? value_text(name, value.get<double>()) : value.dump();
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A name of metrics or settings, which may be broken behind its separators where the column is narrow.
Html breakable(const std::string& name) {
  Html out;
  for (std::size_t from = 0; from < name.size();) {
    const std::size_t to = std::min(name.size(), name.find_first_of("_/.", from)) + 1;
    out.text(std::string_view(name).substr(from, to - from));
    if (to < name.size()) out.markup("<wbr>");
    from = to;
  }
  return out;
}

/// Table rows of an object; members of objects within are named "outer.inner", elements of lists of objects "outer.0".
void rows(const Json& value, const std::string& name, Html& out) {
  const bool is_list_of_objects = value.is_array() && !value.empty() && value.front().is_object();
  if ((value.is_object() && !value.empty()) || is_list_of_objects) {
    for (const auto& [key, member] : value.items()) rows(member, name.empty() ? key : name + "." + key, out);
  } else if (!name.empty()) {
    out.markup("<tr>")
        .markup("<th scope=\"row\">")
        .html(breakable(name))
        .markup("</th>")
        .element("td", json_text(name, value));
    out.markup("</tr>\n");
  }
}

Html table(const Json& object) {
  Html body;
  rows(object, "", body);
  if (body.empty()) return Html().element("p", "Nothing here.");
  return Html().markup("<table class=\"facts\"><tbody>\n").html(body).markup("</tbody></table>\n");
}

Html warning(const std::string& text) {
  return Html().markup("<p class=\"warn\">").text(text).markup("</p>\n");
}

std::string run_name(const fs::path& folder) {
  std::error_code error;
  const fs::path full = fs::canonical(folder, error);
  return (error ? folder : full).filename().string();
}

/// A member of an object as text, or `otherwise`.
std::string member(const Json& object, const char* name, const std::string& otherwise) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? otherwise : json_text(name, *found);
}

/// What the manifest's seconds are of: the whole run, or the last of its calls.
const char* duration_word(const Json& manifest) {
  const auto resumed = manifest.find("resumed");
  return resumed != manifest.end() && resumed->is_array() && !resumed->empty() ? ", the last call took " : ", took ";
}

Html header(const Json& manifest, const std::string& name) {
  const auto seconds = manifest.is_object() ? manifest.find("seconds") : manifest.end();
  std::string line = "status: " + member(manifest, "status", "unknown");
  line += ", started " + member(manifest, "started", "at an unknown time");
  if (seconds != manifest.end() && seconds->is_number())
    line += duration_word(manifest) + format_duration(seconds->get<double>());
  Html out;
  out.markup("<header>\n").element("h1", member(manifest, "program", "engram run") + ": " + name);
  return out.markup("<p class=\"soft\">").text(line).markup("</p>\n</header>\n");
}

Html chart_card(const std::vector<ChartSeries>& lines) {
  const std::string title = lines.size() == 1 ? lines.front().name : metric_group(lines.front().name);
  Html out;
  out.markup("<section class=\"card\">").element("h3", title).html(svg_chart(title, lines)).html(chart_legend(lines));
  return out.markup("</section>\n");
}

/// Series that a chart would not say more about: their ends.
Html straight_table(const std::vector<ChartSeries>& lines) {
  if (lines.empty()) return {};
  Html out;
  out.markup("<table class=\"facts\"><thead><tr><th scope=\"col\">constant or straight</th>");
  out.markup("<th scope=\"col\">first</th><th scope=\"col\">last</th></tr></thead><tbody>\n");
  for (const ChartSeries& line : lines) {
    const ChartPoint first = line.points.front(), last = line.points.back();
    out.markup("<tr><th scope=\"row\">").html(breakable(line.name)).markup("</th>");
    for (const ChartPoint& p : {first, last})
      out.markup("<td>")
          .text(value_text(line.name, p.value))
          .markup(" <small>at ")
          .text(number_text(p.step, 12))
          .markup("</small></td>");
    out.markup("</tr>\n");
  }
  return out.markup("</tbody></table>\n");
}

Html metrics_section(const fs::path& folder) {
  const RunMetrics metrics = read_run_metrics(folder / "metrics.jsonl");
  Html out;
  out.element("h2", "Metrics");
  if (metrics.series.empty()) out.element("p", "There are no numbers.");
  if (metrics.damaged_lines > 0) {
    out.html(warning(message("Lines of metrics.jsonl that are damaged and left out: ", metrics.damaged_lines, ".")));
  }
  if (metrics.not_finite > 0) {
    out.html(
        warning(message("Values that are infinite or not a number, gaps in the lines: ", metrics.not_finite, ".")));
  }
  if (metrics.left_out > 0) {
    out.html(warning(message("Only the first ", kMaxRunSeries, " series are shown.")));
  }
  std::vector<ChartSeries> straight;
  out.markup("<div class=\"charts\">\n");
  for (const auto& lines : chart_groups(metrics.series)) {
    if (std::all_of(lines.begin(), lines.end(), is_straight))
      straight.insert(straight.end(), lines.begin(), lines.end());
    else
      out.html(chart_card(lines));
  }
  return out.markup("</div>\n").html(straight_table(straight));
}

Html images_section(const fs::path& folder) {
  const Html figures = image_figures(folder / "images");
  Html out;
  out.element("h2", "Images");
  if (figures.empty()) return out.element("p", "There are no images.");
  return out.html(figures);
}

Html table_section(Markup title, const JsonFile& file) {
  Html out;
  out.markup("<h2>").markup(title).markup("</h2>\n");
  return out.html(file.problem.empty() ? table(file.value) : warning(file.problem));
}

/// The facts come first, the rest of the manifest last.
Html results_section(const Json& manifest) {
  const auto facts = manifest.is_object() ? manifest.find("facts") : manifest.end();
  if (facts == manifest.end() || !facts->is_object() || facts->empty()) return {};
  return Html().element("h2", "Results").html(table(*facts));
}

/// The section that `make` makes of a file of the run; nothing where there is none.
Html optional_section(const fs::path& file, Html (*make)(const std::string&)) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  try {
    const io::Bytes bytes = io::read_file(file, kMaxJsonBytes);
    const Html section = make(std::string(io::as_text(bytes)));
    if (!section.empty()) return section;
  } catch (const Error&) {
    // said below
  }
  return warning(file.filename().string() + " is damaged, too large or cannot be read.");
}

Html page(const fs::path& folder, JsonFile manifest) {
  const JsonFile config = read_json(folder / "config.json");
  const std::string name = run_name(folder);
  Html out;
  out.html(page_head(member(manifest.value, "program", "engram run") + ": " + name)).markup("<body>\n");
  out.html(header(manifest.value, name)).markup("<main>\n").html(results_section(manifest.value));
  out.html(optional_section(folder / kScoreFile, score_section));
  out.html(optional_section(folder / kPruningFile, pruning_section));
  out.html(optional_section(folder / kRecognitionFile, recognition_section)).html(images_section(folder));
  out.html(metrics_section(folder)).html(optional_section(folder / kProfileFile, profile_section));
  out.html(table_section("Configuration", config));
  if (manifest.value.is_object()) manifest.value.erase("facts");
  return out.html(table_section("Manifest", manifest)).markup("</main>\n").html(page_end());
}

}  // namespace

fs::path write_report(const fs::path& run_folder) {
  const fs::path file = run_folder / "report.html";
  io::write_file(file, page(run_folder, read_json(run_folder / "manifest.json")).str());
  return file;
}

fs::path write_report(const RunDir& run) {
  const fs::path file = run / "report.html";
  io::write_file(file, page(run.path(), parse_json(run.manifest_text(), "manifest.json")).str());
  return file;
}

}  // namespace engram::apps
