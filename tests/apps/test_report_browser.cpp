/// A report as a browser shows it. Skipped where no Chromium is installed.

#include <gtest/gtest.h>

#include <cstdlib>

#include "apps/common/report.h"
#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "tests/support/temp_folder.h"

namespace engram::apps {
namespace {

using test::file_text;

namespace fs = std::filesystem;

/// The first browser on the search path, empty when there is none.
std::string browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (std::system((std::string("command -v ") + name + " > /dev/null 2>&1").c_str()) == 0) return name;
  }
  return "";
}

/// Loads a page without a window. Standard output goes to "out", standard error with the page's console to "log".
int load(const std::string& program, const std::string& options, const fs::path& page, const fs::path& folder) {
  const std::string at = folder.string();
  const std::string command = "HOME='" + at + "' timeout 120 " + program +
                              " --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --enable-logging=stderr "
                              "--blink-settings=preferredColorScheme=1 --user-data-dir='" +
                              at + "/profile' " + options + " 'file://" + page.string() + "' > '" + at + "/out' 2> '" +
                              at + "/log'";
  return std::system(command.c_str());
}

bool has_colour(const io::Image& image, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  for (std::size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    if (image.pixels[i] == red && image.pixels[i + 1] == green && image.pixels[i + 2] == blue) return true;
  }
  return false;
}

/// A run with two charts and one magenta image.
fs::path sample_report(const fs::path& folder) {
  RunDir run = RunDir::create(folder / "run", false, {"engram-example", {}, 1, 1, "cpu", "{\"lr\": 0.1}"});
  for (std::int64_t step = 0; step < 200; ++step) {
    run.metrics(step, {{"loss/ce", 1.0 / (1.0 + double(step))}, {"mem/peak_mib", 800.0 + double(step % 7)}});
  }
  fs::create_directories(run / "images");
  io::Image magenta{8, 8, 3, {}};
  for (int i = 0; i < 64; ++i) magenta.pixels.insert(magenta.pixels.end(), {255, 0, 255});
  io::write_png(run / "images/grid_000199.png", magenta);
  run.finish("complete");
  return write_report(run);
}

TEST(ReportInBrowser, RendersChartsAndImagesWithoutConsoleErrors) {
  const std::string program = browser();
  if (program.empty()) GTEST_SKIP() << "no chromium, chromium-browser or google-chrome is installed";
  test::TempFolder folder;
  const fs::path page = sample_report(folder.path());

  ASSERT_EQ(load(program, "--dump-dom", page, folder.path()), 0) << file_text(folder / "log");
  EXPECT_EQ(file_text(folder / "log").find("CONSOLE"), std::string::npos) << file_text(folder / "log");
  const std::string dom = file_text(folder / "out");
  EXPECT_NE(dom.find("aria-label=\"Line chart of loss/ce over the steps\""), std::string::npos);
  EXPECT_NE(dom.find("aria-label=\"Line chart of mem/peak_mib over the steps\""), std::string::npos);

  const std::string screenshot = (folder / "page.png").string();
  ASSERT_EQ(load(program, "--window-size=1000,1600 --screenshot='" + screenshot + "'", page, folder.path()), 0)
      << file_text(folder / "log");
  const io::Image shown = io::to_rgb(io::read_png(screenshot));
  EXPECT_TRUE(has_colour(shown, 255, 0, 255)) << "the image is not shown";
  EXPECT_TRUE(has_colour(shown, 0x1f, 0x6f, 0xb4)) << "the first series' colour is not shown";
}

}  // namespace
}  // namespace engram::apps
