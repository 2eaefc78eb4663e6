/// Reports of run folders: everything that a run recorded is there, nothing of it is markup, nothing is loaded.

#include <gtest/gtest.h>

#include <cmath>

#include "apps/common/report.h"
#include "apps/common/report_images.h"
#include "apps/common/run_metrics.h"
#include "engine/io/atomic_file.h"
#include "engine/io/base64.h"
#include "engine/io/png.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/tag_balance.h"
#include "tests/support/temp_folder.h"

namespace engram::apps {
namespace {

using test::file_text;
using test::TempFolder;
using test::unbalanced_tag;
namespace fs = std::filesystem;

const RunInfo kInfo{"engram-example", {"--lr", "1"}, 7, 2, "cpu"};

/// The report of a folder, checked for what holds for every report.
std::string report_of(const fs::path& folder) {
  const fs::path file = write_report(folder);
  EXPECT_EQ(file, folder / "report.html");
  const std::string page = file_text(file);
  EXPECT_EQ(unbalanced_tag(page), "");
  for (const char* loads : {"http:", "https:", "<script", "<iframe", "@import", "url("}) {
    EXPECT_EQ(page.find(loads), std::string::npos) << loads;
  }
  return page;
}

int count(const std::string& text, const std::string& word) {
  int found = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size()) ++found;
  return found;
}

io::Image pixel(std::uint8_t grey) {
  return {1, 1, 3, {grey, grey, grey}};
}

TEST(Report, ShowsConfigurationManifestChartsAndImages) {
  TempFolder folder;
  RunInfo info = kInfo;
  info.configuration = "{\"lr\": 0.125, \"generator\": {\"width\": 64}}";
  RunDir run = RunDir::create(folder / "run", false, info);
  for (std::int64_t step = 0; step < 50; ++step) {
    run.metrics(step,
                {{"loss/ce", std::exp(-0.2 * double(step))}, {"loss/bn", 0.5}, {"mem/peak_mib", 812.0 + double(step)}});
  }
  fs::create_directories(run / "images");
  const io::Bytes first = io::encode_png(pixel(10)), second = io::encode_png(pixel(200));
  io::write_file(run / "images/grid_000100.png", second);
  io::write_file(run / "images/grid_000020.png", first);
  run.set_fact("parameters", std::int64_t{11173962});
  run.finish("complete");
  EXPECT_EQ(write_report(run), run / "report.html");
  const std::string page = report_of(run.path());
  for (const char* text :
       {"<title>engram-example: run</title>", "status: complete", "<th scope=\"row\">lr</th><td>0.125</td>",
        "<th scope=\"row\">generator.<wbr>width</th><td>64</td>", "<td>11173962</td>",
        "<th scope=\"row\">seed</th><td>7</td>", "<h3>loss</h3>",
        "<th scope=\"row\">mem/<wbr>peak_<wbr>mib</th><td>812 <small>at 0", "<title>loss/ce</title>",
        "<title>loss/bn</title>", "values on a log scale", "<td>861 <small>at 49"}) {
    EXPECT_NE(page.find(text), std::string::npos) << text;
  }
  EXPECT_EQ(count(page, "<svg class=\"chart\""), 1);  // the memory is a straight line
  EXPECT_EQ(count(page, "<img "), 2);
  EXPECT_EQ(count(page, " alt=\"Image of the run: grid, step "), 2);
  const std::size_t a = page.find(io::encode_base64(first)), b = page.find(io::encode_base64(second));
  ASSERT_NE(a, std::string::npos);
  ASSERT_NE(b, std::string::npos);
  EXPECT_LT(a, b);
}

TEST(Report, TextsOfTheFolderAreNeverMarkup) {
  TempFolder folder;
  const std::string hostile = "\"'><script>alert(1)</script><img src=x onerror=y>&amp;\x01\xff";
  const std::string hostile_json = "\\\"'><script>alert(1)</script><img src=x onerror=y>&amp;\\u0001";
  fs::create_directories(folder / "<b>'\"&/images");
  const fs::path run = folder / "<b>'\"&";
  io::write_file(run / "manifest.json", "{\"engram\":\"run\",\"program\":\"" + hostile_json + "\",\"" + hostile_json +
                                            "\":[\"" + hostile_json + "\"],\"started\":{\"x\":\"<i>\"}}");
  io::write_file(run / "config.json", "{\"" + hostile_json + "\":\"" + hostile_json + "\"}");
  io::write_file(run / "metrics.jsonl", "{\"step\":1,\"" + hostile_json + "\":2}\n");
  // A file name cannot hold '/'.
  io::write_png(run / "images" / "\"><script>alert(1)<b>&\xff_7.png", pixel(1));
  const std::string page = report_of(run);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find("<i>"), std::string::npos);
  EXPECT_EQ(count(page, "<img "), 1);
  EXPECT_EQ(page.find('\x01'), std::string::npos);
  EXPECT_EQ(page.find('\xff'), std::string::npos);
  EXPECT_NE(page.find("&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), std::string::npos);
  EXPECT_NE(page.find("&amp;amp;"), std::string::npos);
  EXPECT_EQ(Html().text(hostile).str(),
            "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=y&gt;&amp;amp;\uFFFD\uFFFD");
}

TEST(Report, TheDurationOfARunThatWentOnIsThatOfItsLastCall) {
  TempFolder folder;
  {
    RunDir run = RunDir::create(folder / "run", false, kInfo);
    run.set_end("interrupted");
    run.finish();
  }
  EXPECT_NE(report_of(folder / "run").find(", took "), std::string::npos);
  RunDir again = RunDir::resume(folder / "run", kInfo);
  again.continue_after(-1);
  again.set_end("complete");
  again.finish();
  EXPECT_NE(report_of(folder / "run").find(", the last call took "), std::string::npos);
}

TEST(Report, OfARunThatHasJustStartedOrIsDamaged) {
  TempFolder folder;
  { RunDir::create(folder / "new", false, kInfo); }
  const std::string page = report_of(folder / "new");
  for (const char* text : {"status: running", "There are no numbers.", "There are no images."}) {
    EXPECT_NE(page.find(text), std::string::npos) << text;
  }
  fs::create_directories(folder / "damaged/images");
  io::write_file(folder / "damaged/config.json", "{\"a\": ");
  io::write_file(folder / "damaged/images/x.png", "no image");
  const std::string damaged = report_of(folder / "damaged");
  for (const char* text : {"manifest.json is missing.", "config.json is damaged", "This file is damaged"}) {
    EXPECT_NE(damaged.find(text), std::string::npos) << text;
  }
  io::write_file(folder / "damaged/config.json", "{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}");
  report_of(folder / "damaged");
  EXPECT_ERROR(write_report(folder / "none"), IoError, "none");
}

TEST(Report, DamagedLinesAndValuesThatAreNotFiniteAreCountedAndLeftOut) {
  TempFolder folder;
  io::write_file(folder / "metrics.jsonl", std::string("{\"step\":1,\"loss\":4,\"phase\":\"warm\",\"on\":true}\n"
                                                       "{\"step\":2,\"loss\":\"nan\"}\n"
                                                       "garbage\n[1]\n{\"loss\":3}\n{\"step\":\"x\",\"loss\":3}\n\n"
                                                       "{\"step\":3,\"loss\":2}\n{\"step\":4,\"lo"));
  const RunMetrics metrics = read_run_metrics(folder / "metrics.jsonl");
  ASSERT_EQ(metrics.series.size(), 1u);
  ASSERT_EQ(metrics.series[0].points.size(), 3u);
  EXPECT_EQ(metrics.series[0].points[2].step, 3);
  EXPECT_EQ(metrics.series[0].points[2].value, 2);
  EXPECT_TRUE(std::isnan(metrics.series[0].points[1].value));
  EXPECT_EQ(metrics.damaged_lines, 6u);
  EXPECT_EQ(metrics.first_damaged, 3u);
  EXPECT_EQ(metrics.not_finite, 1u);
  const std::string page = report_of(folder.path());
  EXPECT_NE(page.find("damaged and left out: 6."), std::string::npos);
  EXPECT_NE(page.find("gaps in the lines: 1."), std::string::npos);
}

TEST(Report, ImagesStandInNaturalOrderWithTheirSteps) {
  EXPECT_EQ(image_caption("grid_000100").label, "grid");
  EXPECT_EQ(image_caption("grid_000100").step, "100");
  EXPECT_EQ(image_caption("batch0002_000000").label, "batch0002");
  EXPECT_EQ(image_caption("batch0002_000000").step, "0");
  EXPECT_EQ(image_caption("final").step, std::nullopt);
  EXPECT_EQ(image_caption("12").label, "");
  EXPECT_TRUE(natural_less("a2", "a10"));
  EXPECT_FALSE(natural_less("a10", "a2"));
  EXPECT_TRUE(natural_less("a", "a1"));
  EXPECT_TRUE(natural_less("a1_3", "a01_20"));
  EXPECT_TRUE(natural_less("a01", "a1"));
  EXPECT_FALSE(natural_less("a1", "a01"));
  EXPECT_FALSE(natural_less("a1", "a1"));
}

TEST(Report, TheFinalPictureComesFirstAndTheOthersAreFolded) {
  TempFolder folder;
  const RunDir run = RunDir::create(folder / "run", false, kInfo);
  fs::create_directories(run / "images");
  io::write_png(run / "images/batch_000100.png", pixel(10));
  io::write_png(run / "images/final.png", pixel(200));
  const std::string page = report_of(run.path());
  const std::size_t final = page.find("<figure class=\"large\">"), fold = page.find("<details><summary>");
  ASSERT_NE(final, std::string::npos);
  ASSERT_NE(fold, std::string::npos);
  EXPECT_LT(final, fold);
  EXPECT_LT(fold, page.find("batch_000100.png"));
  // Paper cannot be unfolded.
  const std::size_t print = page.find("@media print{");
  ASSERT_NE(print, std::string::npos);
  EXPECT_NE(page.find("details::details-content{content-visibility:visible}", print), std::string::npos);
}

TEST(Report, ShowsRecognitionAndProfileAndNamesDamage) {
  TempFolder folder;
  const RunDir run = RunDir::create(folder / "run", false, kInfo);
  EXPECT_EQ(report_of(run.path()).find("recogni"), std::string::npos);
  io::write_file(run / "recognition.json", R"({"share": 0.5, "classes": [{"name": "<owl>", "share": 0.25}]})");
  io::write_file(run / "profile.json", R"({"operations": [{"name": "conv2d", "calls": 3, "roofline": 1.75}]})");
  const std::string page = report_of(run.path());
  EXPECT_NE(
      page.find("&lt;owl&gt;</th><td data-column=\"images\">0</td><td class=\"no\" data-column=\"recognised\">25.0 %<"),
      std::string::npos);
  EXPECT_NE(page.find("<th scope=\"row\">conv2d</th><td data-column=\"calls\">3</td>"), std::string::npos);
  EXPECT_NE(page.find("of the roofline\">175 %</td>"), std::string::npos);
  io::write_file(run / "recognition.json", "{");
  EXPECT_NE(report_of(run.path()).find("recognition.json is damaged"), std::string::npos);
}

TEST(Report, OfManyImagesAnEvenChoiceIsShown) {
  TempFolder folder;
  fs::create_directories(folder / "images");
  const io::Bytes png = io::encode_png(pixel(9));
  for (int i = 0; i < 60; ++i) io::write_file(folder / "images" / ("g" + std::to_string(i) + ".png"), png);
  const std::string page = report_of(folder.path());
  EXPECT_EQ(count(page, "<img "), 48);
  EXPECT_NE(page.find("Shown are 48 of 60 images"), std::string::npos);
  EXPECT_NE(page.find(">g0.png<"), std::string::npos);
  EXPECT_NE(page.find(">g59.png<"), std::string::npos);
}

}  // namespace
}  // namespace engram::apps
