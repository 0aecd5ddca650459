"""The fast start: what the runner of a command does before it calls the program.

The interpreter was started with `-S`, so that `site` did not run. This function leaves the interpreter as `site` would
have left it, for a fraction of the time, and under the name of the command's script: the program cannot tell the two
starts apart, re-executes itself as it would otherwise, and its children, which inherit neither `-S` nor the runner,
start in the ordinary way. Where the work environment is not as it was packed (a `.pth` file that pip brought, a
sitecustomize), `site` itself runs.

compile_runners.py takes the function from here and puts it in front of the command's script, with its arguments baked
in. It is called with a namespace of its own: what it leaves behind (the hook, the builtins) would otherwise keep the
program's modules alive until the interpreter clears them by force. Nothing may be imported here that the interpreter
has not loaded already: each import costs more than all of this.
"""


def _flavor_start(main, inside, script, site_packages, known, before, paths, after, variables, distutils, made, fields):
    import _imp
    import builtins
    import posix
    import sys

    workenv = main["__file__"][: -len(inside)]
    program = workenv + script
    site_packages = workenv + site_packages
    # The code of the runner has the name and the lines of the script from here on, also in tracebacks.
    _imp._fix_co_filename(sys._getframe(1).f_code, program)
    external = sys.modules["_frozen_importlib_external"]
    main.update(__file__=program, __loader__=external.SourceFileLoader("__main__", program))
    sys.argv[0] = program
    root = sys._xoptions.pop("flavor")
    if hasattr(sys, "orig_argv"):
        # … -S -X flavor=ROOT RUNNER arguments
        end = len(sys.orig_argv) - len(sys.argv) + 1
        sys.orig_argv[end - 4 : end] = [program]

    # Programs pass the interpreter's flags on to children, which do not have this runner.
    flags = sys.flags
    if not fields:
        # From 3.13 on.
        sys.flags = flags.__replace__(no_site=0)
    else:
        # Attributes of the class, as importlib looks at flags several times for each module.
        position = fields.index("no_site")
        values = (*flags[:position], 0, *flags[position + 1 :])
        body = dict(zip(fields, values))
        body.update(
            __slots__=(),
            __match_args__=fields,
            __repr__=lambda self: "sys.flags(%s)" % ", ".join(["%s=%r" % pair for pair in zip(fields, self)]),
            __dir__=lambda self: [name for name in tuple.__dir__(self) if name not in ("__module__", "__slots__")],
            __module__="sys",
            n_fields=len(fields),
            n_sequence_fields=len(fields),
            n_unnamed_fields=0,
        )
        sys.flags = type("flags", (tuple,), body)(values)

    environment = posix.environ
    ordinary = False
    for name in variables:
        if name in environment:
            ordinary = True
    for name in posix.listdir(site_packages):
        if name[-4:] == ".pth":
            if name not in known:
                ordinary = True
        elif name[:13] in ("sitecustomize", "usercustomize"):
            ordinary = True
    if ordinary:
        import site

        site.main()
        return

    # From 3.14 on the interpreter knows its environment without `site`, which then has nothing to put right.
    prefixes = None if sys.prefix == workenv else [workenv]
    sys.prefix = sys.exec_prefix = workenv
    sys._home = sys.base_prefix + "/bin"
    sys.path += [site_packages]
    for folder, inner in ((site_packages, before), (root, paths), (site_packages, after)):
        sys.path += [folder + path for path in inner]

    class Deferred:
        """A builtin that `site` makes, until somebody looks at it."""

        def __getattribute__(self, name):
            become(self)
            return getattr(self, name)

        def __call__(self, *arguments, **keywords):
            become(self)
            return self(*arguments, **keywords)

        def __repr__(self):
            become(self)
            return repr(self)

    def become(builtin):
        import _sitebuiltins

        state = object.__getattribute__(builtin, "__dict__")
        kind, attributes, files = made[state["deferred"]]
        state.update(attributes)
        if files is not None:
            state["_Printer__filenames"] = [sys.base_prefix + file if file[0] == "/" else file for file in files]
        object.__setattr__(builtin, "__class__", getattr(_sitebuiltins, kind))
        state.pop("deferred", None)

    for name in made:
        builtin = Deferred()
        builtin.deferred = name
        setattr(builtins, name, builtin)

    if not flags.isolated:

        def register_readline():
            import site

            site.enablerlcompleter()
            sys.__interactivehook__()

        sys.__interactivehook__ = register_readline

    module = type(sys)

    class Site(module):
        """`site` as a start that ran it leaves it; loaded when somebody looks at it."""

        def __getattribute__(self, name):
            bootstrap = sys.modules["_frozen_importlib"]
            with bootstrap._ModuleLockManager("site"):
                if object.__getattribute__(self, "__class__") is not module:
                    object.__setattr__(self, "__class__", module)
                    spec = bootstrap._find_spec("site", None)
                    self.__dict__.update(bootstrap.module_from_spec(spec).__dict__)
                    spec.loader.exec_module(self)
                    self.ENABLE_USER_SITE = False
                    self.PREFIXES = prefixes or self.PREFIXES
                    self.getusersitepackages()
            return getattr(self, name)

    sys.modules["site"] = Site("site")

    if distutils and environment.get(b"SETUPTOOLS_USE_DISTUTILS", distutils) == b"local":

        class Finder:
            """Stands for setuptools' finder of distutils until one of the modules that it knows is imported."""

            @classmethod
            def find_spec(cls, name, path=None, target=None):
                if name in ("distutils", "pip") or name[:5] == "test.":
                    sys.meta_path.remove(cls)
                    import _distutils_hack

                    _distutils_hack.add_shim()
                    return _distutils_hack.DISTUTILS_FINDER.find_spec(name, path, target)
                return None

        sys.meta_path.insert(0, Finder)
