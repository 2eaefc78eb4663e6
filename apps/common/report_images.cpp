#include "apps/common/report_images.h"

#include <algorithm>
#include <string_view>

#include "engine/io/atomic_file.h"
#include "engine/io/base64.h"
#include "engine/io/png.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxImages = 48;
constexpr std::uint64_t kMaxImageBytes = std::uint64_t{8} << 20;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The digits at `at`, without leading zeros; moves `at` behind them.
std::string take_number(const std::string& text, std::size_t& at) {
  while (at + 1 < text.size() && text[at] == '0' && is_digit(text[at + 1])) ++at;
  const std::size_t begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return text.substr(begin, at - begin);
}

/// Evenly spaced ones with the first and the last, when there are too many.
std::vector<fs::path> chosen(const std::vector<fs::path>& files) {
  if (files.size() <= kMaxImages) return files;
  std::vector<fs::path> some;
  for (std::size_t i = 0; i < kMaxImages; ++i) some.push_back(files[i * (files.size() - 1) / (kMaxImages - 1)]);
  return some;
}

std::string description(const fs::path& file) {
  const ImageCaption caption = image_caption(file.stem().string());
  const std::string label = caption.label.empty() ? "image" : caption.label;
  return caption.step ? label + ", step " + *caption.step : label;
}

/// Small images are enlarged by a whole factor, so that pixels stay pixels.
dim_t shown_width(const io::Image& image) {
  return image.width * std::clamp<dim_t>(560 / std::max<dim_t>(image.width, 1), 1, 8);
}

bool is_final(const fs::path& file) {
  return file.filename().string().starts_with("final");
}

Html figure(const fs::path& file) {
  const std::string caption = description(file);
  Html out;
  out.markup(is_final(file) ? Markup("<figure class=\"large\">") : Markup("<figure>"));
  try {
    const io::Bytes bytes = io::read_file(file, kMaxImageBytes);
    const io::Image image = io::decode_png(bytes, file.filename().string());
    const dim_t width = shown_width(image), height = image.height * (width / image.width);
    out.markup("<img width=\"").text(std::to_string(width)).markup("\" height=\"").text(std::to_string(height));
    out.markup("\" alt=\"").text("Image of the run: " + caption).markup("\" src=\"data:image/png;base64,");
    out.text(io::encode_base64(bytes)).markup("\">");
  } catch (const Error&) {
    out.element("p", "This file is damaged, too large or cannot be read.");
  }
  out.markup("<figcaption>").text(caption).markup(" <small>").text(file.filename().string());
  return out.markup("</small></figcaption></figure>\n");
}

}  // namespace

ImageCaption image_caption(const std::string& stem) {
  std::size_t end = stem.size();
  while (end > 0 && is_digit(stem[end - 1])) --end;
  ImageCaption caption;
  std::size_t at = end;
  if (end < stem.size()) caption.step = take_number(stem, at);
  while (end > 0 && std::string_view("_-. ").find(stem[end - 1]) != std::string_view::npos) --end;
  caption.label = stem.substr(0, end);
  return caption;
}

bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string left = take_number(a, i), right = take_number(b, j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
    }
  }
  if (i < a.size() || j < b.size()) return j < b.size();
  return a < b;  // they differ in leading zeros only
}

std::vector<fs::path> find_images(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error, ignored;
  if (!fs::is_directory(folder, ignored)) return files;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".png" && it->is_regular_file(ignored)) files.push_back(it->path());
  }
  if (error) throw IoError(message("[report] cannot read ", folder.string(), ": ", error.message()));
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return natural_less(a.filename().string(), b.filename().string());
  });
  return files;
}

Html image_figures(const fs::path& folder) {
  std::vector<fs::path> files = find_images(folder);
  Html out;
  const auto first_other = std::stable_partition(files.begin(), files.end(), is_final);
  for (auto file = files.begin(); file != first_other; ++file) out.html(figure(*file));
  const std::vector<fs::path> others(first_other, files.end()), shown = chosen(others);
  if (others.empty()) return out;
  const bool fold = first_other != files.begin();
  if (fold) out.markup("<details><summary>pictures of the way there</summary>\n");
  if (shown.size() < others.size()) {
    out.element("p", message("Shown are ", shown.size(), " of ", others.size(), " images, evenly spaced."));
  }
  out.markup("<div class=\"images\">\n");
  for (const fs::path& file : shown) out.html(figure(file));
  out.markup("</div>\n");
  return fold ? out.markup("</details>\n") : out;
}

}  // namespace engram::apps
