package jq

import "strings"

// How a function of jq's may be called. What is not listed is refused.
const (
	plain     = ""           // as it is: its work does not grow with the value, or it takes no memory for it
	shallow   = "__shallow"  // it copies the value's first level: pay for that
	deep      = "__deep"     // it walks the whole value
	ordered   = "__ordered"  // it sorts the value's parts
	exploded  = "__exploded" // it makes a value of each character
	numeral   = "__numeral"  // it reads a number
	elsewhere = "="          // the prelude's definition, or the Go function, that has this name with __ before it
)

// functions says how each function may be called, by name and number of arguments.
var functions = table(map[string]string{
	plain: `empty/0 error/0 error/1 not/0 select/1 abs/0 type/0 length/0 utf8bytelength/0 has/1 in/1 toboolean/0
		while/2 until/2 repeat/1 range/1 range/2 range/3 recurse/1 recurse/2 first/0 first/1 last/0 last/1 isempty/1 limit/2 skip/2 nth/2
		any/2 all/2 arrays/0 objects/0 iterables/0 booleans/0 numbers/0 finites/0 normals/0 strings/0 nulls/0 values/0 scalars/0
		startswith/1 endswith/1 ltrimstr/1 rtrimstr/1 trimstr/1 ltrim/0 rtrim/0 trim/0
		infinite/0 nan/0 isfinite/0 isinfinite/0 isnan/0 isnormal/0
		floor/0 ceil/0 round/0 trunc/0 nearbyint/0 rint/0 fabs/0 sqrt/0 cbrt/0 exp/0 exp2/0 exp10/0 expm1/0 log/0 log2/0 log10/0 log1p/0 logb/0
		sin/0 cos/0 tan/0 asin/0 acos/0 atan/0 sinh/0 cosh/0 tanh/0 asinh/0 acosh/0 atanh/0 frexp/0 modf/0 significand/0 gamma/0 lgamma/0 tgamma/0
		pow/2 atan2/2 fmin/2 fmax/2 fmod/2 fdim/2 hypot/2 copysign/2 drem/2 remainder/2 nextafter/2 nexttoward/2 ldexp/2 scalb/2 scalbln/2 fma/3
		gmtime/0 mktime/0 todate/0 fromdate/0 todateiso8601/0 fromdateiso8601/0`,
	shallow:  `keys/0 reverse/0 implode/0 ascii_downcase/0 ascii_upcase/0`,
	deep:     `tojson/0 tostring/0 flatten/0 flatten/1 format/1`,
	ordered:  `sort/0 unique/0 min/0 max/0`,
	numeral:  `tonumber/0`,
	exploded: `explode/0 split/1`,
	elsewhere: `path/1 getpath/1 setpath/2 delpaths/1 del/1 pick/1 paths/0 paths/1 map/1 map_values/1 recurse/0 add/0 add/1 join/1
		any/0 any/1 all/0 all/1 IN/1 IN/2 nth/1 to_entries/0 from_entries/0 with_entries/1 walk/1 transpose/0 combinations/0 combinations/1
		sort_by/1 group_by/1 unique_by/1 min_by/1 max_by/1 bsearch/1 contains/1 inside/1 indices/1 index/1 rindex/1 fromjson/0 strftime/1 strptime/1
		match/1 match/2 test/1 test/2 capture/1 capture/2 scan/1 scan/2 splits/1 splits/2 split/2 sub/2 sub/3 gsub/2 gsub/3`,
})

func table(lists map[string]string) map[string]string {
	all := map[string]string{}
	for how, names := range lists {
		for _, name := range strings.Fields(names) {
			all[name] = how
		}
	}
	return all
}

// off says why a function or variable is refused, for those that people may
// look for.
var off = map[string]string{
	"now": "the answer would depend on the clock; use the event's time", "localtime": "the answer would depend on the node's time zone; use gmtime",
	"strflocaltime": "the answer would depend on the node's time zone; use strftime", "env": "the node's environment is not the program's business",
	"$ENV": "the node's environment is not the program's business", "input": "there is no further input", "inputs": "there is no further input",
	"debug": "there is nowhere to print to", "stderr": "there is nowhere to print to", "input_line_number": "there is no file", "input_filename": "there is no file",
	"halt": "it would end more than this program; use error", "halt_error": "it would end more than this program; use error",
	"modulemeta": "there are no modules", "get_search_list": "there are no modules", "builtins": "the answer would depend on the release",
	"jn": "it can take any time", "yn": "it can take any time",
}

// formats says how @name is computed, as a function.
var formats = map[string]string{
	"@text": "tostring", "@json": "tojson", "@html": "_tohtml", "@uri": "_touri", "@urid": "_tourid", "@csv": "_tocsv", "@tsv": "_totsv",
	"@sh": "_tosh", "@base64": "_tobase64", "@base64d": "_tobase64d",
}
