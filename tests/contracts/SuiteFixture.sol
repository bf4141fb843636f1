// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.28;

import {BallotBox} from "../../contracts/BallotBox.sol";
import {Ceremony} from "../../contracts/Ceremony.sol";
import {Tally} from "../../contracts/Tally.sol";
import {Fixture} from "./Fixture.sol";

/// @dev The whole suite as it is deployed; who derives chooses the verifying key.
abstract contract SuiteFixture is Fixture {
    Ceremony internal ceremony;
    BallotBox internal ballotBox;
    Tally internal tally;

    function _verifyingKey() internal virtual returns (bytes memory);

    function _deployCeremony() internal override returns (address) {
        ceremony = new Ceremony(consortium, suite);
        return address(ceremony);
    }

    function _deployBallotBox() internal override returns (address) {
        ballotBox = new BallotBox(consortium, suite, _verifyingKey());
        return address(ballotBox);
    }

    function _deployTally() internal override returns (address) {
        tally = new Tally(consortium, suite);
        return address(tally);
    }
}
