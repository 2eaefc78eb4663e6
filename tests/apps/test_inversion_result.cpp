/// What an inversion says at its start and its end: time, classes, the picture.

#include <gtest/gtest.h>

#include <cmath>

#include "apps/common/class_sheet.h"
#include "apps/common/inversion_result.h"
#include "apps/common/pixel_font.h"
#include "apps/common/time_estimate.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/tag_balance.h"

namespace engram::apps {
namespace {

/// Four images of two classes; the second one of class 0 is taken for class 1.
Predictions some_predictions() {
  Predictions p;
  p.add(0, std::vector<float>{2, 0, -1});
  p.add(0, std::vector<float>{0, 1, -1});
  p.add(1, std::vector<float>{0, 3, -1});
  p.add(1, std::vector<float>{0, 3, -1});
  return p;
}

TEST(Recognition, CountsByClass) {
  const Recognition r = recognition_of(some_predictions(), {"owl", "elk", "fox"});
  EXPECT_EQ(r.images, 4);
  EXPECT_EQ(r.recognised, 3);
  EXPECT_DOUBLE_EQ(r.share(), 0.75);
  EXPECT_EQ(r.classes[0].recognised, 1);
  EXPECT_EQ(r.classes[0].taken_for, "elk");
  EXPECT_EQ(r.classes[1].taken_for, "");
  EXPECT_EQ(r.classes[2].images, 0);
  const double own = std::exp(2) / (std::exp(2) + 1 + std::exp(-1)), other = 1 / (1 + std::exp(1) + std::exp(-1));
  EXPECT_NEAR(r.classes[0].confidence, (own + other) / 2, 1e-12);
  EXPECT_EQ(missed_images(some_predictions()), (std::vector<bool>{false, true, false, false}));
  const std::string text = recognition_text(r);
  EXPECT_NE(text.find("recognises 3 of 4 images (75.0 %)"), std::string::npos) << text;
  EXPECT_NE(text.find("  owl: 1 of 2, confidence "), std::string::npos) << text;
  EXPECT_EQ(text.find("  elk:"), std::string::npos) << text;
}

TEST(Recognition, TheSectionShowsClassesAndEscapes) {
  Recognition r = recognition_of(some_predictions(), {"o<w>l", "elk", "fox"});
  r.advice = {"more & more"};
  const std::string page = recognition_section(recognition_json(r)).str();
  EXPECT_EQ(test::unbalanced_tag(page), "");
  EXPECT_NE(page.find("<th scope=\"row\">o&lt;w&gt;l</th><td data-column=\"images\">2</td><td class=\"no\" "
                      "data-column=\"recognised\">50.0 %</td>"),
            std::string::npos)
      << page;
  EXPECT_NE(page.find("<li>more &amp; more</li>"), std::string::npos);
  for (const char* other : {"", "[1]", "{\"classes\":3}", "{\"classes\":[1,\"a\"]", "null"})
    EXPECT_TRUE(recognition_section(other).empty()) << other;
  EXPECT_EQ(test::unbalanced_tag(recognition_section("{\"classes\":[1,{\"name\":2}],\"advice\":[3]}").str()), "");
}

TEST(Recognition, AdviceNamesWhatDiffersFromThePublishedSettings) {
  InvertSettings settings;
  settings.iterations = 100;
  settings.batch_size = 32;
  const auto all = [&](int classes) {
    std::string text;
    for (const std::string& sentence : inversion_advice(settings, classes)) text += sentence + "\n";
    return text;
  };
  EXPECT_NE(all(10).find("--iterations 2000: this run had 100"), std::string::npos);
  EXPECT_NE(all(100).find("--iterations 4000"), std::string::npos);
  EXPECT_NE(all(10).find("--batch-size 256: this run had 32"), std::string::npos);
  settings.iterations = 2000;
  settings.batch_size = 256;
  EXPECT_EQ(all(10).find("--iterations"), std::string::npos);
  EXPECT_EQ(all(10).find("--batch-size"), std::string::npos);
}

/// Images of one grey value each: 100 + index.
ImageDataset grey_images(int classes, const std::vector<std::int32_t>& labels) {
  ImageDataset data;
  data.count = dim_t(labels.size());
  data.channels = 1;
  data.height = data.width = 4;
  data.num_classes = classes;
  for (int c = 0; c < classes; ++c) data.class_names.push_back("c" + std::to_string(c));
  data.normalization = {{0.5f}, {0.5f}};
  data.labels = labels;
  for (std::size_t i = 0; i < labels.size(); ++i) data.pixels.insert(data.pixels.end(), 16, std::uint8_t(100 + i));
  return data;
}

std::vector<int> pixel_values(const io::Image& image, dim_t x, dim_t y) {
  const auto at = image.pixels.begin() + (y * image.width + x) * 3;
  return {at[0], at[1], at[2]};
}

TEST(ClassSheet, ColumnsAreClassesAndMissesAreRed) {
  const io::Image sheet = class_sheet(grey_images(3, {2, 0, 0, 2}), 10, {false, true, false, false});
  ASSERT_EQ(sheet.channels, 3);
  const dim_t cell = (sheet.width - 8) / 3, bottom = sheet.height - 4;
  // Class 0 has two rows, class 1 none, class 2 two; the first image of class 0 is a miss.
  const auto middle = [&](dim_t column, dim_t row) {
    return pixel_values(sheet, 4 + column * cell + cell / 2, bottom - (2 - row) * cell + cell / 2);
  };
  EXPECT_EQ(middle(0, 0), (std::vector<int>{101, 101, 101}));
  EXPECT_EQ(middle(0, 1), (std::vector<int>{102, 102, 102}));
  EXPECT_EQ(middle(1, 0), (std::vector<int>{255, 255, 255}));
  EXPECT_EQ(middle(2, 0), (std::vector<int>{100, 100, 100}));
  EXPECT_EQ(middle(2, 1), (std::vector<int>{103, 103, 103}));
  const auto frame = pixel_values(sheet, 4 + 1, bottom - 2 * cell + cell / 2);
  EXPECT_GT(frame[0], 200);
  EXPECT_LT(frame[1], 60);
  EXPECT_EQ(pixel_values(sheet, 4 + 1, bottom - cell + cell / 2), (std::vector<int>{255, 255, 255}));
}

TEST(ClassSheet, MoreThanTenClassesStandInBands) {
  const io::Image ten = class_sheet(grey_images(10, {0}), 3), more = class_sheet(grey_images(25, {24}), 3);
  EXPECT_EQ(more.width, ten.width);
  EXPECT_EQ(more.height - 8, 3 * (ten.height - 8));
  EXPECT_ERROR(class_sheet(grey_images(2, {0}), 0), UsageError, "0 rows");
}

TEST(PixelFont, DrawsLettersAndCutsThemAtTheEdge) {
  io::Image image{12, 7, 3, io::Bytes(12 * 7 * 3, 255)};
  draw_text(image, 0, 0, "l\xff", 0);
  EXPECT_EQ(pixel_values(image, 2, 3), (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(pixel_values(image, 0, 3), (std::vector<int>{255, 255, 255}));
  draw_text(image, -3, -3, "MMMMMMMM", 0);
}

TEST(TimeEstimate, SpeaksOnceAfterTheFirstSteps) {
  double now = 0;
  TimeEstimate estimate(2000, [&] { return now; });
  std::vector<std::string> said;
  for (int i = 0; i < 200; ++i) {
    now += i < 2 ? 10 : 0.5;  // the first steps are slow
    if (const auto text = estimate.step()) said.push_back(*text);
  }
  EXPECT_EQ(said, (std::vector<std::string>{"about 16:40 for 2000 iterations (0.5 s each)"}));
  TimeEstimate few(10, [&] { return now; });
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(few.step());
}

}  // namespace
}  // namespace engram::apps
