# What Firn's jq does in place of gojq's own operations, where those would do
# work without being asked to pay for it. The rewriter turns every call of map
# into a call of __map, and so on (functions.go). Names that begin with _ cannot
# be written by users; those that begin with __ and stand without a definition
# here are functions in Go. Operators and .[] are rewritten in here, too.
#
# In a binary operator the right side is the outer loop, as in jq.

def __minus(l; r): r as $r | l as $l | __apart($l; $r) | _subtract($l; $r) | __shallow;
def __times(l; r): r as $r | l as $l | if __plain($l; $r) then _multiply($l; $r) | __shallow else __merged($l; $r) end;
def __over(l; r): r as $r | l as $l | ($l | __exploded) as $l | _divide($l; $r);

def __assign(p; v): v as $v | __owner as $o | reduce path(p) as $q (.; __set($q; $v; $o));
def __modify(p; f):
  __owner as $o |
  reduce path(p) as $q (.;
    label $out | ((getpath($q) | __lent($o) | f) as $v | __set($q; $v; $o) | ., break $out), __later($q; $o)) |
  __delete($o);
def __modify_plus(p; v): v as $v | __modify(p; . + $v);
def __modify_minus(p; v): v as $v | __modify(p; __minus(.; $v));
def __modify_times(p; v): v as $v | __modify(p; __times(.; $v));
def __modify_over(p; v): v as $v | __modify(p; __over(.; $v));
def __modify_modulo(p; v): v as $v | __modify(p; . % $v);
def __modify_else(p; v): v as $v | __modify(p; . // $v);

def __path(f): path(f) | __shallow;
def __getpath(p): (p | __place) as $p | getpath($p);
def __delpaths(p): p as $p | __owner as $o | __all_later($p; $o) | __delete($o);
def __del(f): [__path(f)] as $p | __delpaths($p);
def __setpath(p; v): v as $v | p as $p | __owner as $o | __set($p | __place; $v; $o);
def __pick(f): . as $v | reduce __path(f) as $p (null; __setpath($p; $v | getpath($p)));

def __map(f): [.[] | f];
def __map_values(f): __modify(.[]; f);
def __recurse: recurse(.[]?);
def __paths: __path(__recurse) | select(length > 0);
def __paths(f): __path(__recurse | select(f)) | select(length > 0);
def __add: __summed | add | __shallow;
def __add(f): [f] | __add;
def __join(s): s as $s | __joined($s) | join($s);
def __any: any(.[]; .);
def __any(f): any(.[]; f);
def __all: all(.[]; .);
def __all(f): all(.[]; f);
def __in(s): any(s == .; .);
def __in(src; s): any(src == s; .);
def __nth($n): .[$n | __key];
def __to_entries: [(__shallow | keys)[] as $k | {key: $k, value: .[$k]}];
def __from_entries: [.[] | {
  (.key // .Key // .name // .Name): if has("value") then .value else .Value end}] | __add // {};
def __with_entries(f): __to_entries | [.[] | f] | __from_entries;
def __walk(f):
  def w: if type == "array" then __map(w) elif type == "object" then __map_values(w) end | f;
  w;
def __transpose: if length == 0 then [] else [range([.[] | length] | max) as $i | [.[][$i]]] end;
def __combinations: if length == 0 then [] else .[0][] as $x | [$x] + (.[1:] | __combinations) end;
def __combinations(n): [limit(n; repeat(.))] | __combinations;

def __sort_by(f): __map([f]) as $k | __ordered($k) | _sort_by($k);
def __group_by(f): __map([f]) as $k | __ordered($k) | _group_by($k);
def __unique_by(f): __map([f]) as $k | __ordered($k) | _unique_by($k);
def __min_by(f): __map([f]) as $k | __ordered($k) | _min_by($k);
def __max_by(f): __map([f]) as $k | __ordered($k) | _max_by($k);
def __bsearch(x): x as $x | __product($x) | bsearch($x);
def __contains(x): x as $x | __product($x) | contains($x);
def __inside(x): x as $x | __product($x) | inside($x);
def __indices(x): x as $x | __product($x) | indices($x);
def __index(x): x as $x | __product($x) | index($x);
def __rindex(x): x as $x | __product($x) | rindex($x);
def __fromjson: __exploded | fromjson | __deep;

def __strftime(f): f as $f | ($f | __format) as $f | strftime($f);
def __strptime(f): f as $f | __shallow | ($f | __zoneless) as $f | strptime($f);

def __match($re; $flags): __found($re; $flags; false)[];
def __match($re): if $re | type == "array" then __match($re[0]; $re[1]) else __match($re; null) end;
def __test($re; $flags): __found($re; $flags; true);
def __test($re): if $re | type == "array" then __test($re[0]; $re[1]) else __test($re; null) end;
def __capture($re; $flags): __match($re; $flags) | .captures | _captures;
def __capture($re): if $re | type == "array" then __capture($re[0]; $re[1]) else __capture($re; null) end;
def __scan($re; $flags): __match($re; $flags + "g") | if .captures == [] then .string else [.captures[].string] end;
def __scan($re): __scan($re; null);
def __splits($re; $flags): __cut($re; $flags + "g") as [$pieces, $tail] | $pieces[].before, $tail;
def __splits($re): __splits($re; null);
def __split($re; $flags): [__splits($re; $flags)];
def __sub($re; str; $flags):
  . as $in |
  __cut($re; $flags) as [$pieces, $tail] |
  [$pieces[] | [.before, (.captures | str)]] as $edits |
  (reduce $edits[] as $e (0; if ($e | length - 1) > . then $e | length - 1 end)) as $n |
  if $n == 0 then $in
  else range($n) as $k | ([$edits[] | select(length > $k + 1) | .[0], .[$k + 1]] | __add) + $tail
  end;
def __sub($re; str): __sub($re; str; null);
def __gsub($re; str; $flags): __sub($re; str; $flags + "g");
def __gsub($re; str): __sub($re; str; "g");
