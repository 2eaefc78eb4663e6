#pragma once
/// Text inside pictures, in letters of 5 x 7 pixels, and one below for descenders.

#include <string>

#include "engine/io/image.h"

namespace engram::apps {

inline constexpr dim_t kLetterWidth = 6;   ///< with the gap to the next letter
inline constexpr dim_t kLetterHeight = 8;  ///< with descenders

/// Draws a line of text into an RGB image, its top left corner at (x, y), in one grey value. Letters, digits and
/// "+-_./%?" have a form, a space is empty, every other byte is a question mark. What leaves the image is cut off.
void draw_text(io::Image& image, dim_t x, dim_t y, const std::string& text, std::uint8_t grey);

}  // namespace engram::apps
