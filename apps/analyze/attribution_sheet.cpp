#include "apps/analyze/attribution_sheet.h"

#include <algorithm>

#include "apps/common/canvas.h"
#include "apps/common/exit_code.h"
#include "apps/common/pixel_font.h"
#include "models/training/evaluate.h"

namespace engram::apps {
namespace {

constexpr dim_t kMostImages = 64;

/// The class that a network says of each image.
std::vector<std::int32_t> predictions_of(const Subject& subject, const ImageDataset& images, dim_t batch_size) {
  std::vector<std::int32_t> predicted;
  evaluate(subject.network(), images,
           {.batch_size = batch_size,
            .normalization = subject.classifier.normalization,
            .observe = [&](std::int32_t, std::span<const float> logits) {
              predicted.push_back(std::int32_t(std::max_element(logits.begin(), logits.end()) - logits.begin()));
            }});
  return predicted;
}

/// A column of the sheet: maps of one network, or of a part of it.
struct Column {
  std::string network, part;
  std::vector<std::int32_t> classes, predicted;
  std::vector<float> values;  ///< [images, height, width]
};

Column column_of(const Subject& subject, const std::string& part, const ChannelRange& channels,
                 const ImageDataset& shown, const AttributionSettings& s, const MapFunction& maps) {
  Column column = {subject.name, part, shown.labels, predictions_of(subject, shown, s.subject.batch_size), {}};
  if (s.target == "predicted") column.classes = column.predicted;
  std::vector<float> grey(shown.pixels.begin(), shown.pixels.end());
  const Tensor images = normalized_images(
      Tensor::from(grey, {shown.count, shown.channels, shown.height, shown.width}, subject.network().device()),
      subject.classifier.normalization);
  column.values = maps(subject, images, column.classes, channels).to_vector();
  return column;
}

void write_column(io::CsvWriter& table, const Column& column, const ImageDataset& shown,
                  const std::vector<dim_t>& indices) {
  std::size_t at = 0;
  for (dim_t n = 0; n < shown.count; ++n)
    for (dim_t row = 0; row < shown.height; ++row)
      for (dim_t x = 0; x < shown.width; ++x) {
        table.cell(std::int64_t(indices[n])).cell(std::int64_t(shown.labels[n])).cell(column.network).cell(column.part);
        table.cell(std::int64_t(column.classes[n])).cell(std::int64_t(column.predicted[n])).cell(std::int64_t(row));
        table.cell(std::int64_t(x)).cell(double(column.values[at++])).end_row();
      }
}

/// Under a map: what the network said, marked where that is wrong.
std::string verdict(const Column& column, const ImageDataset& shown, dim_t n, std::size_t most_letters) {
  const std::int32_t said = column.predicted[n];
  std::string text = said < dim_t(shown.class_names.size()) ? shown.class_names[said] : std::to_string(said);
  if (said != shown.labels[n]) text = "not " + text;
  return text.substr(0, most_letters);
}

io::Image sheet_of(const std::vector<Column>& columns, const ImageDataset& shown) {
  constexpr dim_t kGap = 6, kLine = kLetterHeight + 2;
  const dim_t zoom = std::max<dim_t>(1, 96 / std::max(shown.height, shown.width));
  const dim_t width = shown.width * zoom, height = shown.height * zoom;
  const std::size_t letters = std::size_t(width / kLetterWidth);
  Canvas canvas(kGap + (width + kGap) * dim_t(columns.size() + 1),
                2 * kLine + kGap + (height + kLine + kGap) * shown.count);
  canvas.text(kGap, 2, "image");
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const dim_t x = kGap + (width + kGap) * dim_t(k + 1);
    canvas.text(x, 2, columns[k].network.substr(0, letters));
    canvas.text(x, 2 + kLine, columns[k].part.substr(0, letters));
  }
  for (dim_t n = 0; n < shown.count; ++n) {
    const dim_t y = 2 * kLine + kGap + (height + kLine + kGap) * n;
    const io::Image image = image_at(shown, n);
    canvas.image(kGap, y, image, zoom);
    canvas.text(kGap, y + height + 1, shown.class_names[shown.labels[n]].substr(0, letters));
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const dim_t x = kGap + (width + kGap) * dim_t(k + 1);
      canvas.image(x, y, heat_over(image, columns[k].values.data() + n * shown.height * shown.width), zoom);
      canvas.text(x, y + height + 1, verdict(columns[k], shown, n, letters));
    }
  }
  return canvas.picture();
}

}  // namespace

void add_attribution_settings(Cli& cli, AttributionSettings& s) {
  add_subject_settings(cli, s.subject, "Networks, for example the teacher, then the student",
                       "images that are chosen from");
  cli.group("Choice of images");
  cli.option("index", &s.indices, "Places of the images in the set, from 0");
  cli.option("images", &s.images, "Images, the first of the set, where --index names none")
      .at_least(1)
      .at_most(double(kMostImages));
  cli.option("corrected", &s.corrected, "Only images that the first network gets wrong and the last one right");
  cli.option("target", &s.target, "Class whose evidence is shown: the label's, or what each network says")
      .choices({"label", "predicted"});
  cli.option("halves", &s.halves, "Also from each half of the last network's last channels: inheritance, exploration");
}

std::vector<dim_t> chosen_images(const Subjects& subjects, const AttributionSettings& s) {
  std::vector<dim_t> chosen(s.indices.begin(), s.indices.end());
  for (const dim_t index : chosen)
    if (index < 0 || index >= subjects.images.count)
      throw UsageError(message("--index: expected places below ", subjects.images.count, ", got ", index));
  if (dim_t(chosen.size()) > kMostImages)
    throw UsageError(message("--index: expected at most ", kMostImages, " places, got ", chosen.size()));
  std::vector<std::int32_t> first, last;
  if (s.corrected) {
    first = predictions_of(subjects.networks.front(), subjects.images, s.subject.batch_size);
    last = predictions_of(subjects.networks.back(), subjects.images, s.subject.batch_size);
  }
  const auto fits = [&](dim_t i) {
    const std::int32_t label = subjects.images.labels[i];
    return !s.corrected || (first[i] != label && last[i] == label);
  };
  if (!chosen.empty()) {
    std::erase_if(chosen, [&](dim_t i) { return !fits(i); });
  } else {
    for (dim_t i = 0; i < subjects.images.count && dim_t(chosen.size()) < s.images; ++i)
      if (fits(i)) chosen.push_back(i);
  }
  if (chosen.empty())
    throw DataError(message("expected an image that ", subjects.networks.front().name, " gets wrong and ",
                            subjects.networks.back().name, " right, got none"));
  return chosen;
}

io::Image image_at(const ImageDataset& images, dim_t index) {
  io::Image image = {images.width, images.height, images.channels == 3 ? 3 : 1, {}};
  const std::uint8_t* from = images.image(index);
  for (dim_t p = 0; p < image.width * image.height; ++p)
    for (dim_t c = 0; c < image.channels; ++c) image.pixels.push_back(from[c * image.width * image.height + p]);
  return io::to_rgb(std::move(image));
}

io::Image heat_over(const io::Image& image, const float* values) {
  constexpr double kHeat = 0.65;  // the rest is the image
  const std::size_t pixels = std::size_t(image.width * image.height);
  const double most = std::max(0.f, *std::max_element(values, values + pixels));
  io::Image result = image;
  for (std::size_t p = 0; p < pixels; ++p) {
    const std::uint8_t* from = image.pixels.data() + 3 * p;
    const double grey = 0.299 * from[0] + 0.587 * from[1] + 0.114 * from[2];
    const Rgb color = heat_color(most > 0 ? std::max(0.f, values[p]) / most : 0);
    for (std::size_t c = 0; c < 3; ++c)
      result.pixels[3 * p + c] = std::uint8_t(kHeat * color[c] + (1 - kHeat) * grey + 0.5);
  }
  return result;
}

int run_attribution(Call& call, AttributionSettings& s, const MapFunction& maps) {
  const Subjects subjects = open_subjects(call, s.subject, 1, 8);
  const std::vector<dim_t> indices = chosen_images(subjects, s);
  const ImageDataset shown = select(subjects.images, indices);
  PictureOutput out(s.subject.out,
                    {"image", "label", "network", "part", "class", "predicted", "row", "column", "value"});
  std::vector<Column> columns;
  for (const Subject& subject : subjects.networks) {
    if (call.stop()) return stopped(call);
    columns.push_back(column_of(subject, "whole", {}, shown, s, maps));
  }
  if (s.halves) {
    const Subject& last = subjects.networks.back();
    const dim_t channels = last.network().taps().back().channels, half = channels / 2;
    columns.push_back(column_of(last, "inheritance", {0, half}, shown, s, maps));
    columns.push_back(column_of(last, "exploration", {half, channels}, shown, s, maps));
  }
  for (const Column& column : columns) write_column(out.table(), column, shown, indices);
  out.commit(call, sheet_of(columns, shown));
  return kExitOk;
}

}  // namespace engram::apps
