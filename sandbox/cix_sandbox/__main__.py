from cix_sandbox.cli import main

main()
