using FastChat.Broker.Identity;
using FastChat.Broker.Sessions;
using FastChat.Protocol;

namespace FastChat.Broker.Tests;

/// <summary>The policy of what is about no conversation, cell by cell; what is not in it is forbidden.</summary>
internal sealed class OperatorPolicyTests
{
    [TestCase(OperatorOperation.ImportUsers, AccountRights.None, false)]
    [TestCase(OperatorOperation.ImportUsers, AccountRights.Operator, false)]
    [TestCase(OperatorOperation.ImportUsers, AccountRights.Import, true)]
    [TestCase(OperatorOperation.Backup, AccountRights.None, false)]
    [TestCase(OperatorOperation.Backup, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.Backup, AccountRights.Import, false)]
    [TestCase(OperatorOperation.ManageServices, AccountRights.None, false)]
    [TestCase(OperatorOperation.ManageServices, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.ManageServices, AccountRights.Import, false)]
    [TestCase(OperatorOperation.ManageServices, AccountRights.Service | AccountRights.Import | AccountRights.InScope, false)]
    [TestCase(OperatorOperation.ImportUsers, AccountRights.Service, false)]
    [TestCase(OperatorOperation.ImportUsers, AccountRights.Service | AccountRights.Import, true)]
    [TestCase(OperatorOperation.Backup, AccountRights.Service | AccountRights.Import, false)]
    [TestCase(OperatorOperation.CreateConversation, AccountRights.None, true)]
    [TestCase(OperatorOperation.CreateConversation, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.CreateConversation, AccountRights.Service | AccountRights.ServicePublish, false)]
    [TestCase(OperatorOperation.ManageOwnDevices, AccountRights.None, true)]
    [TestCase(OperatorOperation.ManageOwnDevices, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.ManageOwnDevices, AccountRights.Service | AccountRights.ServicePublish, false)]
    [TestCase(OperatorOperation.ManageUsers, AccountRights.None, false)]
    [TestCase(OperatorOperation.ManageUsers, AccountRights.Import, false)]
    [TestCase(OperatorOperation.ManageUsers, AccountRights.Service | AccountRights.Import, false)]
    [TestCase(OperatorOperation.ManageUsers, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.ExportOwn, AccountRights.None, true)]
    [TestCase(OperatorOperation.ExportOwn, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.ExportOwn, AccountRights.Service | AccountRights.ServicePublish, false)]
    [TestCase(OperatorOperation.ExportOthers, AccountRights.None, false)]
    [TestCase(OperatorOperation.ExportOthers, AccountRights.Import, false)]
    [TestCase(OperatorOperation.ExportOthers, AccountRights.Service | AccountRights.Import, false)]
    [TestCase(OperatorOperation.ExportOthers, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.EraseSelf, AccountRights.None, true)]
    [TestCase(OperatorOperation.EraseSelf, AccountRights.Operator, false)]
    [TestCase(OperatorOperation.EraseSelf, AccountRights.Service | AccountRights.ServicePublish, false)]
    [TestCase(OperatorOperation.EraseOthers, AccountRights.None, false)]
    [TestCase(OperatorOperation.EraseOthers, AccountRights.Import, false)]
    [TestCase(OperatorOperation.EraseOthers, AccountRights.Service | AccountRights.Import, false)]
    [TestCase(OperatorOperation.EraseOthers, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.SeeStats, AccountRights.None, false)]
    [TestCase(OperatorOperation.SeeStats, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.SeeStats, AccountRights.Service | AccountRights.Import, false)]
    [TestCase(OperatorOperation.Drain, AccountRights.None, false)]
    [TestCase(OperatorOperation.Drain, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.Drain, AccountRights.Service | AccountRights.Import, false)]
    [TestCase(OperatorOperation.ManageLimits, AccountRights.None, false)]
    [TestCase(OperatorOperation.ManageLimits, AccountRights.Operator, true)]
    [TestCase(OperatorOperation.ManageLimits, AccountRights.Import, false)]
    [TestCase(OperatorOperation.ManageLimits, AccountRights.Service | AccountRights.Import, false)]
    [TestCase((OperatorOperation)200, AccountRights.Operator | AccountRights.Import, false)]
    public void TheTable(object operation, object rights, bool isAllowed) => Assert.That(
        OperatorPolicy.Decide((OperatorOperation)operation, (AccountRights)rights), Is.EqualTo(isAllowed ? ErrorCode.None : ErrorCode.Forbidden));

    [Test]
    public void EveryOperationIsInTheTable() => Assert.That(Enum.GetValues<OperatorOperation>(), Has.Length.EqualTo(13), "a new operation needs its rows above");
}
