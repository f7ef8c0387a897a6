from bench.run import main

# A process that a measurement starts imports this module, too.
if __name__ == "__main__":
    main()
