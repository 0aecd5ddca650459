package main

import (
	"crypto/ed25519"
	"io"
	"os"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/builder"
	"flavorpack-native/launchers/go/internal/code"
)

// options are what the command line and the variables say.
type options struct {
	manifest, output, launcher string
	privateKey, publicKey      string
	keySeed                    *string
	workenvBase                string
	logLevel                   *string
	// text is what is printed instead of building.
	text string
}

const help = `Assembles a signed PSPF/2025 package from a JSON manifest.

Usage: flavor-go-builder --manifest FILE --output FILE --launcher-bin FILE [OPTIONS]

Options:
  -m, --manifest FILE      the manifest (FORMAT.md, section 15)
  -o, --output FILE        the package; its folder must exist
      --launcher-bin FILE  the launcher to embed; copied, never executed [FLAVOR_LAUNCHER_BIN]
      --private-key FILE   Ed25519 private key: PKCS#8 PEM or 32 raw bytes
      --public-key FILE    its public key, to be compared; needs --private-key
      --key-seed TEXT      derive the key from a text; ` + "`env`" + ` reads it from FLAVOR_KEY_SEED, ` + "`-`" + ` from standard input.
                           Without any of the three: a key that nobody keeps
      --workenv-base DIR   what {workenv} in sources stands for [FLAVOR_WORKENV_BASE, else the working folder]
      --log-level LEVEL    trace, debug, info, warn, error or off; ` + "`json` or `json:LEVEL`" + ` for JSON lines
                           [FLAVOR_BUILDER_LOG_LEVEL, FLAVOR_LOG_LEVEL, else warn]
  -V, --version            print the version
  -h, --help               print this text

Other sources of slots that are relative are relative to the working folder.

Variables besides those above:
  FLAVOR_LOG_PATH          append log lines to this file instead of printing them
  SOURCE_DATE_EPOCH        seconds since 1970 for archive members and the build record

Exit codes:
  0    the package is there, complete
  2    the command line is wrong
  101  an internal rule was broken
  102  the package would break a rule of the format
  106  a file could not be read or written
  107  the key cannot be used
  109  the manifest, a file that it names or a variable cannot be used
  110  the launcher cannot be used
  130  interrupted
After every code but 0 the output is as it was before.
`

func usage(message string) error {
	return &code.Error{Code: code.FlavorUsage, Message: message, Hint: "`flavor-go-builder --help` lists options, variables and exit codes"}
}

// parseArguments reads the command line. Each option has one value, behind it or behind `=`, and is given once.
func parseArguments(arguments []string) (*options, error) {
	given := map[string]string{}
	short := map[string]string{"-m": "--manifest", "-o": "--output", "-V": "--version", "-h": "--help"}
	for i := 0; i < len(arguments); i++ {
		name, value, joined := strings.Cut(arguments[i], "=")
		if !strings.HasPrefix(arguments[i], "-") || arguments[i] == "-" {
			return nil, usage("unexpected argument " + strconv.Quote(arguments[i]))
		}
		if !strings.HasPrefix(name, "--") {
			name, value, joined = arguments[i][:2], strings.TrimPrefix(arguments[i][2:], "="), len(arguments[i]) > 2
			if long, known := short[name]; known {
				name = long
			}
		}
		switch name {
		case "--version", "--help":
			if joined {
				return nil, usage(name + " has no value")
			}
		case "--manifest", "--output", "--launcher-bin", "--private-key", "--public-key", "--key-seed", "--workenv-base", "--log-level":
			if !joined {
				if i++; i == len(arguments) {
					return nil, usage(name + " has no value")
				}
				value = arguments[i]
			}
		default:
			return nil, usage("invalid option '" + name + "'")
		}
		if _, twice := given[name]; twice {
			return nil, usage(name + " is given twice")
		}
		given[name] = value
	}
	if _, asked := given["--help"]; asked {
		return &options{text: help}, nil
	}
	if _, asked := given["--version"]; asked {
		return &options{text: "flavor-go-builder " + builder.Version + "\nformat PSPF/2025\n"}, nil
	}
	o := &options{
		manifest: given["--manifest"], output: given["--output"], launcher: orVariable(given["--launcher-bin"], "FLAVOR_LAUNCHER_BIN"),
		privateKey: given["--private-key"], publicKey: given["--public-key"],
		workenvBase: orVariable(given["--workenv-base"], "FLAVOR_WORKENV_BASE"),
	}
	if seed, asked := given["--key-seed"]; asked {
		o.keySeed = &seed
	}
	if level, asked := given["--log-level"]; asked {
		o.logLevel = &level
	}
	switch {
	case o.manifest == "":
		return nil, usage("--manifest is missing")
	case o.output == "":
		return nil, usage("--output is missing")
	case o.launcher == "":
		return nil, usage("--launcher-bin is missing")
	case o.keySeed != nil && o.privateKey != "":
		return nil, usage("--key-seed and --private-key are two keys; give one")
	case o.publicKey != "" && o.privateKey == "":
		return nil, usage("--public-key needs --private-key")
	}
	return o, nil
}

func orVariable(value, variable string) string {
	if value == "" {
		return os.Getenv(variable)
	}
	return value
}

// key is the key that signs.
func (o *options) key(log *logger) (ed25519.PrivateKey, error) {
	switch {
	case o.keySeed != nil:
		seed, err := o.seed(log)
		if err != nil {
			return nil, err
		}
		const short = 16
		if len(seed) < short {
			log.warn("the key seed is short: whoever guesses it can sign in its name")
		}
		if seed == "" {
			return nil, code.New(code.FlavorOption, "the key seed is empty")
		}
		return builder.KeyFromSeed(seed), nil
	case o.privateKey != "":
		key, err := builder.ReadPrivateKey(o.privateKey)
		if err != nil || o.publicKey == "" {
			return key, err
		}
		public, err := builder.ReadPublicKey(o.publicKey)
		if err != nil {
			return nil, err
		}
		return key, builder.SamePublicKey(key, public, o.publicKey)
	}
	log.warn("no key was given: the package is signed with one that nobody keeps, so it has integrity but no identity")
	return builder.NewKey()
}

func (o *options) seed(log *logger) (string, error) {
	switch *o.keySeed {
	case "env":
		seed, set := os.LookupEnv("FLAVOR_KEY_SEED")
		if !set {
			return "", code.New(code.FlavorOption, "--key-seed env asks for a text in FLAVOR_KEY_SEED, which is not set")
		}
		return seed, nil
	case "-":
		const most = 1 << 20
		text, err := io.ReadAll(io.LimitReader(os.Stdin, most))
		if err != nil {
			return "", code.Wrap(code.FlavorIO, "the key seed cannot be read from standard input", err)
		}
		return strings.TrimRight(string(text), "\r\n"), nil
	}
	log.warn("a key seed in the arguments is visible to other users of this machine; use --key-seed env or --key-seed -")
	return *o.keySeed, nil
}
