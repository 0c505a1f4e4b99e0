import os, subprocess, pytest
def test_it(engine, home):
    if engine.command:
        words = ["run","--rm",engine.image]
        if engine.name=="ctr": words.append("x1")
        out = engine.cli(*words,"sh","-c","echo hi; id -u")
        assert out.split()[0]=="hi"
    assert os.environ["PROCTRACKER_HOME"] == home.path
    assert (os.geteuid()==0) == ("rootless" not in engine.name)
def test_fail(engine):
    assert engine.name != "podman-rootless", dict(os.environ)
