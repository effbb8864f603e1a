# SPDX-License-Identifier: Apache-2.0
# --help of nexd or nexodus-server -> its options for a manual page. An option stands at the start of a
# line; what it does follows on the line or on the next.
function text(line) {
	gsub(/\\/, "\\e", line)
	gsub(/-/, "\\-", line)
	gsub(/\n\./, "\n\\\\\\&.", line)
	return line
}
function option_show(option,    name) {
	name = option
	sub(/=.*/, "", name)
	printf ".TP\n\\fB%s\\fR", text(name)
	if (index(option, "="))
		printf "=\\fI%s\\fR", text(substr(option, index(option, "=") + 1))
	printf "\n"
}
function summary_show(summary,    at) {
	if ((at = index(summary, built)) && built != "")
		summary = substr(summary, 1, at - 1) installed substr(summary, at + length(built))
	printf "%s\n", text(summary)
}
/^ +(-h, )?--/ {
	line = $0
	sub(/^ +/, "", line)
	at = match(line, /  +/)
	option_show(at ? substr(line, 1, at - 1) : line)
	if (at)
		summary_show(substr(line, at + RLENGTH))
	open = !at
	next
}
open && /^ +/ { sub(/^ +/, ""); summary_show($0) }
{ open = 0 }
