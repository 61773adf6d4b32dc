// Sends what REJECT answers: packets with their IP header, under a mark by which our own rules in
// the kernel know them (raw(7), CAP_NET_RAW when it is opened).
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>

namespace sallyport {

class AnswerSocket {
 public:
  static std::expected<AnswerSocket, std::string> open(uint32_t mark);
  AnswerSocket(AnswerSocket&& other) noexcept;
  AnswerSocket& operator=(AnswerSocket&&) = delete;
  ~AnswerSocket();

  // False: the kernel did not take it.
  bool send(std::span<const uint8_t> packet) const;

 private:
  AnswerSocket(int four, int six) : four_(four), six_(six) {}

  int four_ = -1, six_ = -1;
};

}  // namespace sallyport
