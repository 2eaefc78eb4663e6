#include "apps/common/class_sheet.h"

#include <algorithm>
#include <string>

#include "apps/common/pixel_font.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

constexpr dim_t kColumns = 10;            // of a band
constexpr dim_t kFrame = 3, kMargin = 4;  // pixels around an image, and around the sheet
constexpr dim_t kSmallestImage = 60;      // of an enlarged image: room for ten letters
constexpr dim_t kNameLines = 2, kLine = kLetterHeight + 3, kHeader = kNameLines * kLine + 2;
constexpr std::uint8_t kBack = 255, kInk = 40;
constexpr std::uint8_t kMiss[3] = {214, 40, 40};

/// A name in at most two lines of `width` letters, broken after a separator where one is.
std::vector<std::string> lines_of(std::string name, std::size_t width) {
  if (name.size() <= width) return {name};
  std::size_t cut = name.find_last_of("_ -/", width - 1);
  cut = cut == std::string::npos || cut == 0 ? width : cut + 1;
  const std::string second = name.substr(cut, width);
  return {name.substr(0, cut), second};
}

/// Where things stand on the sheet.
struct Layout {
  dim_t zoom, cell_width, cell_height, columns, bands, rows;

  Layout(const ImageDataset& images, dim_t most_rows) {
    zoom = std::max<dim_t>(1, (kSmallestImage + images.width - 1) / images.width);
    cell_width = images.width * zoom + 2 * kFrame;
    cell_height = images.height * zoom + 2 * kFrame;
    columns = std::min<dim_t>(images.num_classes, kColumns);
    bands = (images.num_classes + columns - 1) / columns;
    const std::vector<dim_t> counts = class_counts(images);
    rows = std::clamp<dim_t>(*std::max_element(counts.begin(), counts.end()), 1, most_rows);
  }
  dim_t band_height() const { return kHeader + rows * cell_height; }
  dim_t width() const { return 2 * kMargin + columns * cell_width; }
  dim_t height() const { return 2 * kMargin + bands * band_height(); }
  dim_t left(dim_t label) const { return kMargin + label % columns * cell_width; }
  dim_t top(dim_t label) const { return kMargin + label / columns * band_height(); }
};

void fill(io::Image& sheet, dim_t left, dim_t top, dim_t width, dim_t height, const std::uint8_t (&colour)[3]) {
  for (dim_t y = top; y < top + height; ++y)
    for (dim_t x = left; x < left + width; ++x)
      std::copy_n(colour, 3, sheet.pixels.begin() + (y * sheet.width + x) * 3);
}

void draw_image(io::Image& sheet, const ImageDataset& images, dim_t index, dim_t left, dim_t top, dim_t zoom) {
  const std::uint8_t* planes = images.image(index);
  const dim_t plane = images.width * images.height;
  for (dim_t y = 0; y < images.height * zoom; ++y) {
    for (dim_t x = 0; x < images.width * zoom; ++x) {
      const std::uint8_t* pixel = planes + y / zoom * images.width + x / zoom;
      for (dim_t c = 0; c < 3; ++c)
        sheet.pixels[std::size_t(((top + y) * sheet.width + left + x) * 3 + c)] =
            pixel[images.channels == 3 ? c * plane : 0];
    }
  }
}

void draw_names(io::Image& sheet, const ImageDataset& images, const Layout& layout) {
  for (dim_t label = 0; label < images.num_classes; ++label) {
    const auto lines = lines_of(images.class_names[std::size_t(label)], std::size_t(layout.cell_width / kLetterWidth));
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const dim_t width = dim_t(lines[i].size()) * kLetterWidth - 1;
      const dim_t skip = lines.size() == 1 ? kLine : 0;  // a single line stands next to the images
      draw_text(sheet, layout.left(label) + (layout.cell_width - width) / 2,
                layout.top(label) + skip + dim_t(i) * kLine, lines[i], kInk);
    }
  }
}

}  // namespace

io::Image class_sheet(const ImageDataset& images, dim_t rows, const std::vector<bool>& missed) {
  check_dataset(images, "class_sheet");
  if (images.count < 1 || rows < 1 || (images.channels != 1 && images.channels != 3))
    throw UsageError(message("[class_sheet] expected images of 1 or 3 channels and a row, got ", images.count,
                             " images of ", images.channels, " channels and ", rows, " rows"));
  const Layout layout(images, rows);
  io::Image sheet{layout.width(), layout.height(), 3, {}};
  sheet.pixels.assign(std::size_t(sheet.width * sheet.height * 3), kBack);
  draw_names(sheet, images, layout);
  std::vector<dim_t> placed(std::size_t(images.num_classes), 0);
  for (dim_t i = 0; i < images.count; ++i) {
    const dim_t label = images.labels[std::size_t(i)], row = placed[std::size_t(label)]++;
    if (row >= layout.rows) continue;
    const dim_t left = layout.left(label), top = layout.top(label) + kHeader + row * layout.cell_height;
    if (!missed.empty() && missed[std::size_t(i)])
      fill(sheet, left + 1, top + 1, layout.cell_width - 2, layout.cell_height - 2, kMiss);
    draw_image(sheet, images, i, left + kFrame, top + kFrame, layout.zoom);
  }
  return sheet;
}

}  // namespace engram::apps
