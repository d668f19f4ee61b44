// Which files are believed, where they are, and how much is kept.
#include "wasm/cache.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "catch.hpp"
#include "wasm/digest.hpp"
#include "wasm/temporary_folder.hpp"

namespace holdfast::wasm {
namespace {

namespace fs = std::filesystem;

TEST_CASE("SHA-256 is SHA-256", "[wasm]") {
  CHECK(to_hex(digest("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(digest("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest_parts({"ab", "c"}) != digest_parts({"a", "bc"}));
  CHECK(digest_parts({"ab", ""}) != digest_parts({"ab"}));
}

TEST_CASE("what was stored is found by its key, by the same user only", "[wasm]") {
  const TemporaryFolder folder;
  const Cache cache(folder.path());
  REQUIRE(cache.usable());
  CHECK_FALSE(cache.load("one"));
  cache.store("one", std::string(100'000, 'x'));
  cache.store("two", "");
  CHECK(cache.load("one") == std::string(100'000, 'x'));
  CHECK(cache.load("two") == "");
  const auto files = folder.files();
  REQUIRE(files.size() == 2);
  for (const fs::path& file : files) {
    CHECK((fs::status(file).permissions() & fs::perms(0777)) == fs::perms(0600));
  }
  SECTION("others may write it") {
    for (const unsigned mode : {0620U, 0602U, 0666U}) {
      fs::permissions(files[0], fs::perms(mode));
      CHECK_FALSE(cache.load("one"));
    }
    fs::permissions(files[0], fs::perms(0644));
    CHECK(cache.load("one"));
  }
  SECTION("another key's content") {
    fs::rename(files[0], files[1]);
    CHECK_FALSE(cache.load("two"));
  }
  SECTION("a link") {
    fs::rename(files[0], folder.path() / "elsewhere");
    fs::create_symlink("elsewhere", files[0]);
    CHECK_FALSE(cache.load("one"));
  }
  SECTION("a pipe, which must not be waited for") {
    fs::remove(files[0]);
    REQUIRE(::mkfifo(files[0].c_str(), 0600) == 0);
    CHECK_FALSE(cache.load("one"));
  }
  SECTION("a folder") {
    fs::remove(files[0]);
    fs::create_directory(files[0]);
    CHECK_FALSE(cache.load("one"));
  }
  SECTION("another user's") {
    if (::geteuid() != 0) return;  // Only root can give files away.
    REQUIRE(::chown(files[0].c_str(), 65534, 65534) == 0);
    CHECK_FALSE(cache.load("one"));
  }
  SECTION("more at its end") {
    std::ofstream(files[0], std::ios::app) << "y";
    CHECK_FALSE(cache.load("one"));
  }
  SECTION("another format") {
    std::fstream(files[0], std::ios::in | std::ios::out) << "holdfast-cwasm-0";
    CHECK_FALSE(cache.load("one"));
  }
}

TEST_CASE("a directory that others may write, or own, is not used", "[wasm]") {
  const TemporaryFolder folder;
  SECTION("writable") {
    fs::permissions(folder.path(), fs::perms(0770));
    CHECK_FALSE(Cache(folder.path()).usable());
    fs::permissions(folder.path(), fs::perms(0755));
    CHECK(Cache(folder.path()).usable());
  }
  SECTION("another user's") {
    if (::geteuid() != 0) return;
    REQUIRE(::chown(folder.path().c_str(), 65534, 65534) == 0);
    CHECK_FALSE(Cache(folder.path()).usable());
    REQUIRE(::chown(folder.path().c_str(), ::geteuid(), 0) == 0);
  }
  SECTION("a file") {
    std::ofstream(folder.path() / "file") << "x";
    CHECK_FALSE(Cache(folder.path() / "file").usable());
  }
  SECTION("a link") {
    fs::create_directory(folder.path() / "real");
    fs::create_symlink("real", folder.path() / "link");
    CHECK_FALSE(Cache(folder.path() / "link").usable());
  }
  SECTION("it is made with its parents") {
    const Cache cache(folder.path() / "a/b/c");
    CHECK(cache.usable());
    CHECK((fs::status(folder.path() / "a").permissions() & fs::perms(0777)) == fs::perms(0700));
    CHECK((fs::status(folder.path() / "a/b/c").permissions() & fs::perms(0777)) == fs::perms(0700));
  }
}

TEST_CASE("without a directory nothing is kept, and nothing fails", "[wasm]") {
  const Cache cache("none");
  CHECK_FALSE(cache.usable());
  cache.store("one", "x");
  CHECK_FALSE(cache.load("one"));
}

/// Sets an environment variable, and puts back what it was.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  }
  ~Environment() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST_CASE("where the cache is by default", "[wasm]") {
  const TemporaryFolder folder;
  const std::string home = (folder.path() / "home").string();
  const std::string xdg = (folder.path() / "xdg").string();
  const std::string service = (folder.path() / "service").string();
  const std::string two = service + ":/nowhere";
  const std::string link = (folder.path() / "link").string();
  fs::create_directory(folder.path() / "private");
  fs::permissions(folder.path() / "private", fs::perms(0700));
  fs::create_symlink("private", link);
  struct Case {
    const char* service;
    const char* xdg;
    const char* home;
    fs::path expected;
  };
  for (const Case& c : {Case{two.c_str(), xdg.c_str(), home.c_str(), service},
                        Case{link.c_str(), nullptr, nullptr, folder.path() / "private"},
                        Case{nullptr, xdg.c_str(), home.c_str(), xdg + "/holdfast"},
                        Case{nullptr, "relative", home.c_str(), home + "/.cache/holdfast"},
                        Case{"", "", home.c_str(), home + "/.cache/holdfast"},
                        Case{nullptr, nullptr, nullptr, {}}}) {
    const Environment first("CACHE_DIRECTORY", c.service);
    const Environment second("XDG_CACHE_HOME", c.xdg);
    const Environment third("HOME", c.home);
    const Cache cache{fs::path()};
    CHECK(cache.usable() == !c.expected.empty());
    cache.store("key", "x");
    if (!c.expected.empty()) CHECK(fs::remove(c.expected / "key.cwasm"));
  }
}

TEST_CASE("what was not used for longest makes room", "[wasm]") {
  const TemporaryFolder folder;
  const Cache cache(folder.path());
  // Files without blocks on the disk.
  const auto put = [&](const std::string& name, std::uint64_t size, int hours_ago) {
    std::ofstream(folder.path() / name) << "x";
    fs::resize_file(folder.path() / name, size);
    fs::last_write_time(folder.path() / name,
                        fs::file_time_type::clock::now() - std::chrono::hours(hours_ago));
  };
  put("old.cwasm", Cache::kMaxBytes / 3, 10);
  put("older.cwasm", Cache::kMaxBytes / 3, 20);
  put("recent.cwasm", Cache::kMaxBytes / 3, 1);
  put("somebody's", Cache::kMaxBytes, 99);
  put("left.1.0.tmp", 5, 2);
  put("begun.1.0.tmp", 5, 0);
  cache.store("new", std::string(100'000, 'x'));
  CHECK(fs::exists(folder.path() / "new.cwasm"));
  CHECK(fs::exists(folder.path() / "recent.cwasm"));
  CHECK(fs::exists(folder.path() / "old.cwasm"));
  CHECK_FALSE(fs::exists(folder.path() / "older.cwasm"));
  CHECK(fs::exists(folder.path() / "somebody's"));
  CHECK(fs::exists(folder.path() / "begun.1.0.tmp"));
  CHECK_FALSE(fs::exists(folder.path() / "left.1.0.tmp"));
}

TEST_CASE("two that store the same at once leave one whole file", "[wasm]") {
  const TemporaryFolder folder;
  const auto work = [&](char letter) {
    const Cache cache(folder.path());
    for (int i = 0; i < 50; ++i) {
      cache.store("one", std::string(20'000, letter));
      const auto found = cache.load("one");
      if (!found || found->find_first_not_of(found->front()) != std::string::npos) return false;
    }
    return true;
  };
  bool first = false;
  std::thread other([&] { first = work('a'); });
  const bool second = work('b');
  other.join();
  CHECK(first);
  CHECK(second);
  CHECK(folder.files().size() == 1);
}

}  // namespace
}  // namespace holdfast::wasm
