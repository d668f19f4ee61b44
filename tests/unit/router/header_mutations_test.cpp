#include "router/header_mutations.hpp"

#include "catch.hpp"

namespace holdfast::router {
namespace {

using Action = config::HeaderToAdd::Action;

std::string text_of(const http::Head& head) {
  std::string text;
  for (const http::Field& field : head.fields()) {
    if (!field.removed) text.append(head.name(field)).append("=").append(head.value(field)) += ' ';
  }
  return text;
}

config::HeaderToAdd header(std::string name, std::string value, Action action = {},
                           bool keep_empty = false) {
  return {std::move(name), std::move(value), action, keep_empty};
}

TEST_CASE("a level removes, then overwrites, then adds", "[router]") {
  http::Head head;
  for (const char* name : {"a", "b", "b", "c", "d"}) head.add(name, "0");
  apply({{.remove = {"a", "none"},
          .add = {header("e", "1"), header("d", "1", Action::overwrite_if_exists_or_add),
                  header("a", "1", Action::add_if_absent), header("c", "1", Action::add_if_absent),
                  header("b", "1", Action::overwrite_if_exists),
                  header("f", "1", Action::overwrite_if_exists), header("e", "2")}}},
        head);
  CHECK(text_of(head) == "c=0 d=1 b=1 e=1 a=1 e=2 ");
}

TEST_CASE("levels count one behind the other", "[router]") {
  http::Head head;
  apply({{.remove = {}, .add = {header("a", "1"), header("b", "1")}},
         {.remove = {"a"}, .add = {header("b", "2")}}},
        head);
  CHECK(text_of(head) == "b=1 b=2 ");
}

TEST_CASE("an empty value is added only where that is wanted", "[router]") {
  http::Head head;
  head.add("a", "0");
  apply({{.remove = {},
          .add = {header("a", "", Action::overwrite_if_exists_or_add), header("b", ""),
                  header("c", "", {}, true)}}},
        head);
  CHECK(text_of(head) == "a=0 c= ");
}

TEST_CASE("what Envoy keeps in one line is joined", "[router]") {
  http::Head head;
  head.status = 200;
  head.add("vary", "a");
  head.add("set-cookie", "a=1");
  apply({{.remove = {}, .add = {header("vary", "b"), header("set-cookie", "b=2")}}}, head);
  CHECK(text_of(head) == "vary=a,b set-cookie=a=1 set-cookie=b=2 ");
}

}  // namespace
}  // namespace holdfast::router
