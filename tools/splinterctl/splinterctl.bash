# SPDX-License-Identifier: MIT
#
# splinterctl.bash - completion of subcommands, options, keys and files. What there is, splinterctl's own help tells, so
# that nothing has to be kept up here.
# shellcheck shell=bash

_splinterctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local program=${COMP_WORDS[0]} sub='' i store=()

	COMPREPLY=()
	# The subcommand is the first word that is neither an option nor an option's argument.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --store | --device) i=$((i + 1)) ;;
		-*) ;;
		*)
			sub=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	for ((i = 1; i < COMP_CWORD - 1; i++)); do
		[[ ${COMP_WORDS[i]} == -s || ${COMP_WORDS[i]} == --store ]] && store=(-s "${COMP_WORDS[i + 1]}")
	done

	case $prev in
	-s | --store | -L | --long-to)
		_splinterctl_stores
		return
		;;
	--type)
		_splinterctl_words "void bigint biguint json binary imgdata audio vartext"
		return
		;;
	--policy)
		_splinterctl_words "local bind interleave"
		return
		;;
	--duplicates)
		_splinterctl_words "last first fail"
		return
		;;
	--format)
		_splinterctl_words "lines csv json control"
		return
		;;
	--device | --file)
		compopt -o default
		return
		;;
	esac

	if [[ -z $sub && $cur == -* ]]; then
		_splinterctl_words "--store --device --json --help --version"
	elif [[ -z $sub ]]; then
		_splinterctl_words "$("$program" help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')"
	elif [[ $cur == -* ]]; then
		_splinterctl_words "$("$program" "$sub" --help 2>/dev/null | sed -n 's/^  .*\(--[a-z][a-z-]*\).*  .*/\1/p')"
	else
		_splinterctl_operand
	fi
}

_splinterctl_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# Stores of the module by name, others by path.
_splinterctl_stores() {
	local names

	if [[ $cur == file:* ]]; then
		mapfile -t COMPREPLY < <(compgen -P file: -f -- "${cur#file:}")
		compopt -o nospace
		return
	fi
	names=$("$program" stores --json 2>/dev/null | sed -n 's/^{"name":"\([^"\\ ]*\)".*/\1/p')
	_splinterctl_words "default file: $names"
}

_splinterctl_operand() {
	case $sub in
	help) _splinterctl_words "$("$program" help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')" ;;
	use | unlink | destroy | init) _splinterctl_stores ;;
	ingest | import) compopt -o default ;;
	label)
		if [[ $prev == label ]]; then
			_splinterctl_words "get set clear test-and-set swap"
		else
			_splinterctl_keys
		fi
		;;
	math)
		if [[ $prev == math || $prev == -* ]]; then
			_splinterctl_keys
		else
			_splinterctl_words "and or xor not add sub inc dec"
		fi
		;;
	set | get | append | unset | exists | bump | head | watch | type | flags) _splinterctl_keys ;;
	esac
}

# A large store has too many keys to offer: the first ones, and only what comes quickly. Keys that need quoting are left out.
_splinterctl_keys() {
	mapfile -t COMPREPLY < <(timeout 1 "$program" "${store[@]}" list --prefix "$cur" 2>/dev/null |
		grep -v '[][[:space:]"$&();<>`\\|*?'\'']' | head -n 200)
}

complete -F _splinterctl splinterctl
